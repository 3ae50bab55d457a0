/*
 * stream_store.h - a store whose files are streamed, by a worker beside this test
 */
#ifndef TESTS_STREAM_STORE_H
#define TESTS_STREAM_STORE_H

#include <sys/types.h>

#include "engine/engine.h"
#include "support.h"

struct stream_store {
	char *home, *log_dir;
	struct store_config config;
};

/* Directories, a configuration that names them, and workers that are streaming_worker from
 * now on. */
void stream_store_make(struct stream_store *store);
void stream_store_free(struct stream_store *store); /* and workers are what they were */

/* Workers are PROGRAM, which was built beside this test, from now on. */
void stream_use_worker(const char *program);

/* What is at OFFSET of every file of these stores. */
static inline char stream_byte(uint64_t offset)
{
	return (char)(offset * 2654435761u >> 13);
}

/* DIR/NAME with SIZE bytes; its path (free()). */
char *stream_make(const char *dir, const char *name, size_t size);

/* This process has no child, not even a dead one. */
void stream_assert_childless(void);

/* HOME/NAME appears within a few seconds: the worker's engine leaves such notes. */
void stream_assert_noted(const struct stream_store *store, const char *name);

#endif
