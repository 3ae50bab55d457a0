/*
 * set_output.h - the directory of a backup set while it is written: all of it, or nothing
 *
 * A set grows in `.NAME.partial-XXXXXX` beside its target and gets its name when
 * everything in it is on the disk. What a killed program left is removed by the next one
 * that writes a set of that name: a live one holds a lock on its directory.
 */
#ifndef COMMON_SET_OUTPUT_H
#define COMMON_SET_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/digest.h"

struct set_output;

/* Where a file's bytes come from: up to SIZE at a time, 0 at the end. False: reported. */
struct source {
	bool (*read)(void *context, void *buffer, size_t size, size_t *got);
	void *context;
};

/* What was free where the target will be, when first asked or when it was begun. */
struct set_room {
	uint64_t bytes, for_each_file; /* which takes so much besides its content */
};

/* How files get to the disk. */
enum set_sync {
	SET_SYNC_FILES,  /* each by itself: few large ones */
	SET_SYNC_SYSTEM, /* the whole file system at the end: many small ones */
};

/* For a set that is to be TARGET, which must not exist. Creates nothing yet. NULL:
 * reported. */
struct set_output *set_output_new(const char *target, enum set_sync sync);

/* Is the target's directory on DEVICE, or can nobody tell? */
bool set_output_is_on(const struct set_output *o, dev_t device);

/* False: reported. */
bool set_output_room(struct set_output *o, struct set_room *room);

/* Has it room for BYTES in FILES files? */
bool set_room_fits(const struct set_room *room, uint64_t bytes, uint64_t files);

/* The same for O's. False: reported. */
bool set_output_check_room(struct set_output *o, uint64_t bytes, uint64_t files);

/* Creates the partial directory. From here on signals are caught, not obeyed at once. */
bool set_output_begin(struct set_output *o);

/* That directory's own name, which no other has; NULL before it is begun. */
const char *set_output_partial_name(const struct set_output *o);

/* Creates the directory RELATIVE, mode 0700, and those above it. */
bool set_output_directory(struct set_output *o, const char *relative);

/* Saves SOURCE as RELATIVE. False: reported, or a signal was caught; *READ_FAILED tells
 * that it was the source's doing, and that the rest of the set is as it was. */
bool set_output_file(struct set_output *o, const char *relative,
	const struct source *source, uint64_t *size, bool *read_failed);

bool set_output_data(
	struct set_output *o, const char *relative, const void *data, size_t size);

/* What WRITE prints becomes the file RELATIVE. */
bool set_output_text(struct set_output *o, const char *relative,
	void (*write)(const void *context, FILE *file), const void *context);

/* Takes back the file that was saved last. */
bool set_output_forget_last(struct set_output *o);

/* Writes SHA256SUMS, syncs everything, and gives the set its name. */
bool set_output_publish(struct set_output *o);

/* Ahead of set_output_publish: removes the partial directory. NULL is fine. */
void set_output_free(struct set_output *o);

#endif
