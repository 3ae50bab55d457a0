/*
 * set_writer.h - writing a backup set: all of it, or nothing
 *
 * A set grows in `.NAME.partial-XXXXXX` beside its target and gets its name when
 * everything in it is on the disk. What a killed program left is removed by the next one
 * that writes a set of that name: a live one holds a lock on its directory.
 */
#ifndef COMMON_SET_WRITER_H
#define COMMON_SET_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/manifest.h"
#include "common/setinfo.h"

struct set_writer;

/* Where a file's bytes come from: up to SIZE at a time, 0 at the end. False: reported. */
struct source {
	bool (*read)(void *context, void *buffer, size_t size, size_t *got);
	void *context;
};

/* For a set that is to be TARGET, which must not exist. Creates nothing yet. NULL:
 * reported. */
struct set_writer *set_writer_new(const char *target);

/* Can BYTES in FILES files be had where the target will be? False: reported. */
bool set_writer_check_room(const struct set_writer *w, uint64_t bytes, uint64_t files);

/* Creates the partial directory. From here on signals are caught, not obeyed at once. */
bool set_writer_begin(struct set_writer *w);

/* Saves SOURCE as the file that was at PATH, with PATH's owner, mode, ACL and times.
 * False: reported, or a signal was caught. */
bool set_writer_add(struct set_writer *w, enum item_kind kind, const char *path,
	const struct source *source);

/* Takes back what the last set_writer_add did. */
bool set_writer_forget_last(struct set_writer *w);

/* A file of the set itself. */
bool set_writer_add_data(
	struct set_writer *w, const char *name, const void *data, size_t size);

/* Writes what describes the set, syncs everything, and gives the set its name. */
bool set_writer_publish(struct set_writer *w, const struct setinfo *info);

/* Ahead of set_writer_publish: removes the partial directory. NULL is fine. */
void set_writer_free(struct set_writer *w);

/* What is in it. */
uint64_t set_writer_files(const struct set_writer *w);
uint64_t set_writer_bytes(const struct set_writer *w);

#endif
