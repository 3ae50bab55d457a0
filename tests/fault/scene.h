/*
 * scene.h - one restore for the fault tests: what was there, what comes, what must result
 *
 * A scene is a store with an old state, and a set to be restored over it: files that are
 * staged, files that are written in place, files that the set lacks, journals, logs.
 */
#ifndef TESTS_FAULT_SCENE_H
#define TESTS_FAULT_SCENE_H

#include "../store.h"

struct blob {
	char *data; /* NULL: the file is not there */
	size_t size;
};

enum scene_way {
	SCENE_STAGED,
	SCENE_IN_PLACE,
	SCENE_MOVED_AWAY,
	SCENE_REPLAYED /* a log: recovery itself sees to it */
};

struct scene_file {
	const char *name; /* below DIR/data */
	enum scene_way way;
	struct blob old, new;
};

struct scene {
	struct store *store;
	struct scene_file files[8];
	size_t count;
};

/* In BASE/store; with STATE_BASE not NULL, state_dir is below that. The scene is stopped
 * and its files are older than any restore (--wrap=clock_gettime: the coarse clock, which
 * Prepare looks at, is an hour ahead). */
struct scene *scene_make(enum store_kind kind, const char *base, const char *state_base);
void scene_free(struct scene *scene);

/* Prepare, Register, copying, Complete, End. */
void scene_restore(const struct scene *scene);

/* What a crash left must be good for a finished restore: checks that nothing is lost,
 * goes on from there, and checks the end. Fails as a test does. */
void scene_finish(const struct scene *scene);

/* The restore is complete: all that the contract promises. */
void scene_expect_finished(const struct scene *scene);

#endif
