/*
 * store_lock.h - the store's lock file, for store*.c
 */
#ifndef SIS_STORE_LOCK_H
#define SIS_STORE_LOCK_H

#include <string.h>

#include "base/file_temporary.h"
#include "sis/store.h"

/* Its bytes, each locked by itself. */
enum { STORE_USE = 0, STORE_INDEX = 1 };

#define STORE_GUID_LENGTH     (sizeof("00000000-0000-0000-0000-000000000000") - 1)
#define STORE_FILE_SUFFIX     ".sis"
#define STORE_SUM_SUFFIX      ".sum"
#define STORE_ASIDE_SUFFIX    ".gone"
#define STORE_DAMAGED_SUFFIX  ".damaged"
#define STORE_ASIDE_NAME_SIZE (STORE_GUID_LENGTH + sizeof(STORE_ASIDE_SUFFIX))

_Static_assert(STORE_FILE_NAME_SIZE == STORE_GUID_LENGTH + sizeof(STORE_FILE_SUFFIX),
	"a GUID, the suffix, and a NUL");

/* ".NAME.backupapi-new", as file_temporary_create calls it. */
#define STORE_TEMPORARY_SIZE (STORE_FILE_NAME_SIZE + sizeof(FILE_TEMPORARY_SUFFIX))

static inline void store_temporary_name(
	const char name[STORE_FILE_NAME_SIZE], char temporary[STORE_TEMPORARY_SIZE])
{
	temporary[0] = '.';
	memcpy(temporary + 1, name, STORE_FILE_NAME_SIZE - 1);
	memcpy(temporary + STORE_FILE_NAME_SIZE, FILE_TEMPORARY_SUFFIX,
		sizeof(FILE_TEMPORARY_SUFFIX));
}

/* A descriptor of its own of the lock file, which is made where it is missing. */
status store_lock_open(const struct store *store, struct fork_close *lock);

#endif
