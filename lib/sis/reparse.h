/*
 * reparse.h - the reparse point of a single-instance link, format version 5
 *
 * Eight bytes of header (tag u32, length u16, reserved u16), 64 bytes of data, all
 * little-endian.  The layout was read off published dumps of real links; the checksum
 * rule (h = h * 131 + word, over 32-bit words) was found by trying it on them.
 */
#ifndef SIS_REPARSE_H
#define SIS_REPARSE_H

#include <stddef.h>
#include <stdint.h>

#include <uuid/uuid.h>

#include "base/status.h"
#include "sis/content_checksum.h"

#define REPARSE_TAG_SIS     0x80000007u
#define REPARSE_HEADER_SIZE 8u
#define REPARSE_DATA_SIZE   64u
#define REPARSE_SIZE        (REPARSE_HEADER_SIZE + REPARSE_DATA_SIZE)

/* The reserved field of links that this library made: the bytes "BKA1". */
#define REPARSE_MARK 0x31414b42u

struct sis_link {
	uint32_t reserved;
	uuid_t store_file;         /* as libuuid has it, big-endian fields */
	uint64_t index;            /* unique on the volume */
	uint64_t link_file_id;     /* file reference of the link */
	uint64_t store_file_id;    /* file reference of the store file */
	uint64_t content_checksum; /* of the store file */
};

/* SIZE may be larger than header and length say. ERROR_REPARSE_TAG_MISMATCH,
 * ERROR_INVALID_REPARSE_DATA (short, inconsistent, damaged, or another version, which is
 * named). */
status reparse_parse(const void *buffer, size_t size, struct sis_link *link);

void reparse_build(const struct sis_link *link, uint8_t buffer[REPARSE_SIZE]);

#endif
