/*
 * ahead.h - having files read by the system before they are asked for
 *
 * A hint and nothing else: whatever goes wrong here, the files are read without it.
 */
#ifndef SISBACKUP_AHEAD_H
#define SISBACKUP_AHEAD_H

#include <stdint.h>

struct ahead;

/* For files below the directory DIRFD, which stays the caller's and open; first for what
 * there is to know of the files in its directory NAME. NULL: none. */
struct ahead *ahead_new(int dirfd, const char *name);

/* The file RELATIVE of SIZE bytes will be read, after those that were added before it. */
void ahead_add(struct ahead *ahead, const char *relative, uint64_t size);

/* One of them, of SIZE bytes, was read, or will not be. */
void ahead_done(struct ahead *ahead, uint64_t size);

void ahead_free(struct ahead *ahead); /* NULL is fine, here and above */

#endif
