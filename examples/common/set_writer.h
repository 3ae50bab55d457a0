/*
 * set_writer.h - writing a server's backup set (set_output.h): all of it, or nothing
 */
#ifndef COMMON_SET_WRITER_H
#define COMMON_SET_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/manifest.h"
#include "common/set_output.h"
#include "common/setinfo.h"

struct set_writer;

/* For a set that is to be TARGET, which must not exist. Creates nothing yet. NULL:
 * reported. */
struct set_writer *set_writer_new(const char *target);

/* Can BYTES in FILES files be had where the target will be? False: reported. */
bool set_writer_check_room(const struct set_writer *w, uint64_t bytes, uint64_t files);

/* Creates the partial directory. From here on signals are caught, not obeyed at once. */
bool set_writer_begin(struct set_writer *w);

/* Saves SOURCE as the file that was at PATH, with the owner, mode, ACL and times of FD or,
 * where that is -1, of what is found at PATH (trusted.h). False: reported, or a signal was
 * caught. */
bool set_writer_add(struct set_writer *w, enum item_kind kind, const char *path, int fd,
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
