/*
 * alloc_refused.h - what happens when a Free refuses a pointer (for alloc.c)
 */
#ifndef BASE_ALLOC_REFUSED_H
#define BASE_ALLOC_REFUSED_H

#include "base/alloc.h"

/* Counts, calls the handler or does what BACKUPAPI_INVALID_FREE says, sets the last
 * error. */
void alloc_refused(enum alloc_family family, void *p);

uint64_t alloc_refused_count(enum alloc_family family);

/* Around fork. */
void alloc_refused_lock(void);
void alloc_refused_unlock(void);

#endif
