/*
 * syncer.h - fsync for many small files at the price of few
 *
 * A file system that keeps a journal writes all that is pending when one file is synced;
 * so files are handed in here still open, and synced some hundred at a time. They stay
 * open until then, since an error that the disk reports later could else be lost.
 */
#ifndef COMMON_SYNCER_H
#define COMMON_SYNCER_H

#include <stdbool.h>
#include <stddef.h>

#define SYNCER_BATCH 128

/* All zero is ready. */
struct syncer {
	struct {
		int fd;
		char *label;
	} files[SYNCER_BATCH];
	size_t count;
};

/* Takes FD, which was written; LABEL is for messages, and copied. False: reported. */
bool syncer_add(struct syncer *syncer, int fd, const char *label);

/* All that were handed in are on the disk and closed. False: reported. */
bool syncer_flush(struct syncer *syncer);

/* Closes them as they are. */
void syncer_drop(struct syncer *syncer);

#endif
