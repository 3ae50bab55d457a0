/*
 * bdb_log.h - the format of a Berkeley DB 5.3 log file
 *
 * Observed on files that libdb 5.3.28 wrote, on machines of both byte orders; all numbers
 * are little-endian on each. A log is a sequence of records, each with a head of twelve
 * bytes:
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
 *
 * All other records begin with u32 type, u32 transaction, and u64 where that transaction's
 * record before it is. Names that follow have u32 length, their final zero included, before
 * them. Type 2 (a database is open) has u32 what happened, the name, and the file's identity
 * of 20 bytes with their length before them: of a database in memory the first bytes of its
 * name behind four others, or zeros. Types 143 (creation), 144 (removal) and 145 (writing)
 * begin with a name, 146 and 150 (renaming) with two.
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
 *	hrGivenLogFileHasBadSignature	whole, but no log of this version of Berkeley DB */
status bdb_log_check(int fd, const char *path, uint64_t size, enum bdb_log_end end,
	struct bdb_log_shape *shape);

/* OPENED: it was there when the log was written; else it was made, written or removed. */
typedef status bdb_log_visit(void *context, const char *name, bool opened);

/* Reads it likewise (as BDB_LOG_CRASHED) and hands VISIT the names of files in it, as libdb
 * was told them; those of databases that are in memory only are none. What VISIT returns
 * ends it unless it is STATUS_OK. */
status bdb_log_names(
	int fd, const char *path, uint64_t size, bdb_log_visit *visit, void *context);

#endif
