/*
 * alloc.h - the tagged allocator behind everything that callers free
 *
 * Every block given to a caller belongs to a family, and only that family's Free
 * takes it back.  The bookkeeping is out of line: a side table keyed by the exact
 * start address holds family and size, so that no memory behind a caller's pointer
 * is read before the pointer is known to be ours.  Checking the family and removing
 * the entry are one atomic step, so that of two threads freeing one pointer exactly
 * one wins.  Blocks are aligned as malloc's are.
 *
 * Limit: once an address was handed out again to the same family, a stale second
 * free of it cannot be told from the right one.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum alloc_family {
	ALLOC_CERTSRV,
	ALLOC_DS,
	ALLOC_SIS,
	ALLOC_NATIVE, /* what backupapi_... functions return */
	ALLOC_FAMILIES
};

struct alloc_stats {
	uint64_t blocks;  /* live */
	uint64_t bytes;   /* live, as asked for */
	uint64_t refused; /* frees refused since the process began */
};

/* Called after a refused free, with no lock held; FAMILY is of enum alloc_family. */
typedef void (*alloc_refused_handler)(void *context, uint32_t family, void *pointer);

/* NULL where memory is short. The block's content is undefined; SIZE may be 0. */
void *alloc_block(enum alloc_family family, size_t size);

/* The same for a block that is wiped before it is released (tokens). */
void *alloc_secret(enum alloc_family family, size_t size);

/* True if released, or NULL. Otherwise P is left untouched, the refusal is counted,
 * the handler (or BACKUPAPI_INVALID_FREE's action) runs, and the thread's last error
 * becomes ERROR_INVALID_BLOCK. */
bool alloc_free(enum alloc_family family, void *p);

/* What other threads allocate and free meanwhile may be counted or not. */
void alloc_get_stats(enum alloc_family family, struct alloc_stats *stats);

/* NULL goes back to what BACKUPAPI_INVALID_FREE says. */
void alloc_set_refused_handler(alloc_refused_handler handler, void *context);

#endif
