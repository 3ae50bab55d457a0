/*
 * spool.h - frozen copies: one unlinked file with an index
 *
 * A spool belongs to nobody but its descriptors: whatever dies, the disk space comes
 * back. Copies start on 64 KiB boundaries, so that file systems can share extents.
 */
#ifndef ENGINE_SPOOL_H
#define ENGINE_SPOOL_H

#include "engine/engine.h"

struct spool_entry {
	char *path; /* what it is a copy of */
	uint64_t offset;
	uint64_t size;
};

struct spool {
	int fd;
	char *dir; /* where it lives, for messages; NULL where another process made it */
	struct spool_entry *entries; /* sorted by path once sealed */
	size_t count, capacity;
	uint64_t end;	      /* where the next copy begins */
	const struct spool_entry *open; /* being read, or NULL */
	uint64_t position;    /* in it */
};

/* An unlinked file in DIR. */
status spool_create(const char *dir, struct spool *spool);

/* Copies SIZE bytes of FD (from 0) in as PATH; *COPIED (may differ when the file changed
 * size) is what was there. Shares extents where the file system can. */
status spool_copy(struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied);

/* The same for all that FD, or the regular file PATH itself, has. ERROR_BUSY where it becomes
 * shorter meanwhile. */
status spool_copy_whole(struct spool *spool, const char *path, int fd);
status spool_copy_file(struct spool *spool, const char *path);

/* Notes an entry that was written by other means at spool->end. */
status spool_note(struct spool *spool, const char *path, uint64_t size);

/* Forgets all entries and their bytes, for another try. */
status spool_reset(struct spool *spool);

/* Sorts the index; from then on it is read only. */
void spool_seal(struct spool *spool);

status spool_list(const struct spool *spool, struct engine_files *files);
status spool_open(struct spool *spool, const char *path, uint64_t *size);

/* Straight into BUFFER; 0 bytes at the end. Bytes that are gone from the spool are
 * hrReadVerifyFailure, never a short success. */
status spool_read(struct spool *spool, void *buffer, size_t size, size_t *got);
void spool_close(struct spool *spool);
void spool_free(struct spool *spool);

#endif
