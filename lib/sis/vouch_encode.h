/*
 * vouch_encode.h - the bytes of the record and of the mark, for vouch*.c
 *
 * The record: version, flags, size, mtime and ctime of the file when it was made, and the
 * SHA-256 of its reparse point. The mark: its beginning, and the reparse point itself.
 */
#ifndef SIS_VOUCH_ENCODE_H
#define SIS_VOUCH_ENCODE_H

#include "base/buffer.h"
#include "base/sha256.h"
#include "sis/vouch.h"

#define BY_ROOT        "trusted.backupapi_sis"
#define BY_OWNER       "user.backupapi_sis"

#define RECORD_VERSION 1u
#define RECORD_FILLED  1u /* flag: the file had data */
#define HASH_AT        48u
#define RECORD_SIZE    (HASH_AT + SHA256_SIZE)

#define MARK_BEGINNING 8
#define MARK_SIZE      (MARK_BEGINNING + REPARSE_SIZE)

/* Into B, which is empty. */
void vouch_encode(struct buffer *b, const struct stat *st, struct timespec ctime,
	bool filled, const uint8_t reparse[REPARSE_SIZE]);

/* Are the SIZE bytes of an attribute, in room for MARK_SIZE, a mark? SIZE may be -1. */
bool vouch_is_mark(const uint8_t *value, ssize_t size);

/* An attribute of `user.` can be written by whoever may write the file. */
bool vouch_only_owner_writes(const struct store *store, const struct stat *st);

#endif
