/*
 * store_lock.h - the store's lock file, for store*.c
 */
#ifndef SIS_STORE_LOCK_H
#define SIS_STORE_LOCK_H

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

/* A descriptor of its own of the lock file, which is made where it is missing. */
status store_lock_open(const struct store *store, struct fork_close *lock);

#endif
