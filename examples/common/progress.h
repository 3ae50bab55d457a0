/*
 * progress.h - one line on the terminal: how far, how fast, how long still
 *
 * Shown on stderr where that is a terminal and --quiet was not given. Any thread may call
 * these.
 */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdint.h>

/* TOTAL_BYTES is 0 where it will only be known later: until then there is no bar, and no
 * time left. */
void progress_begin(const char *what, uint64_t total_bytes);

/* May come again, when more is known. */
void progress_total(uint64_t total_bytes);
void progress_add(uint64_t bytes);
void progress_end(void);

/* Takes the line off the screen, for a message; the next progress_add draws it again. */
void progress_clear(void);

#endif
