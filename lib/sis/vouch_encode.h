/*
 * vouch_encode.h - the bytes of the record, for vouch*.c
 *
 * Version, flags, size, mtime and ctime of the file when it was made, and the SHA-256 of its
 * reparse point.
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

/* Into B, which is empty. */
void vouch_encode(struct buffer *b, const struct stat *st, struct timespec ctime,
	bool filled, const uint8_t reparse[REPARSE_SIZE]);

/* An attribute of `user.` can be written by whoever may write the file. */
bool vouch_only_owner_writes(const struct store *store, const struct stat *st);

#endif
