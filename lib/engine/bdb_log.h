/*
 * bdb_log.h - the format of a Berkeley DB 5.3 log file
 *
 * Observed on files that libdb 5.3.28 wrote; all numbers are in the byte order of the
 * machine. A log is a sequence of records, each with a head of twelve bytes:
 *
 *	 0	u32 where the record before it begins; for a file's first record, in the
 *		file before
 *	 4	u32 the record's length, its head included
 *	 8	u32 checksum: the sum of the rest of the record (hash * 33 + byte), xor the
 *		two numbers before
 *
 * The first record is 28 bytes long: magic 0x040988, version 19, the log's maximal size,
 * and four bytes more. Behind the last record of a file come zeros up to its size, for
 * libdb makes log files at their full size.
 */
#ifndef ENGINE_BDB_LOG_H
#define ENGINE_BDB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum bdb_log_end {
	BDB_LOG_PART,  /* records up to the last byte */
	BDB_LOG_ZEROS, /* zeros may follow the records */
	BDB_LOG_CRASHED /* so may what a crash left of a record that it interrupted, as long
			   as no whole one is behind it */
};

struct bdb_log_shape {
	uint32_t before; /* where the last record of the file before begins */
	uint32_t last;   /* where its own last record begins */
	uint64_t end;    /* where its records end */
};

/* Reads the first SIZE bytes of FD. Bounded memory, whatever the file says.
 *	hrLogFileCorrupt		a record is damaged, or cut off
 *	hrGivenLogFileHasBadSignature	whole, but no log of this version of Berkeley DB or
 *					of this machine's byte order */
status bdb_log_check(int fd, const char *path, uint64_t size, enum bdb_log_end end,
	struct bdb_log_shape *shape);

#endif
