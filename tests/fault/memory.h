/*
 * memory.h - the nth allocation fails
 *
 * For programs that are linked with --wrap for all that allocates (memory_wraps in
 * meson.build): the library's own calls go through here, and so do its frees, so that
 * what it did not release can be counted without a checker.
 */
#ifndef TESTS_FAULT_MEMORY_H
#define TESTS_FAULT_MEMORY_H

#include <stdbool.h>

/* The Nth allocation from now on fails, and only that one; 0: none. */
void memory_fail_at(long n);

void memory_fail_no_more(void);

/* Did it, since memory_fail_at? */
bool memory_has_failed(void);

/* Blocks that were allocated and not freed, since the process began. */
long memory_live(void);

#endif
