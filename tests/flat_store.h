/*
 * flat_store.h - files in a directory, and their copies by flat_copy
 */
#ifndef TESTS_FLAT_STORE_H
#define TESTS_FLAT_STORE_H

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/stamp.h"
#include "engine/flat_copy.h"
#include "support.h"

static char *dir, *data, *a, *z, *spare; /* the last three are files */
static struct names patterns;
static struct spool spool;

/* A file that changed a moment ago for one that may change unseen. */
static inline void let_settle(void)
{
	const struct timespec while_ms = {.tv_nsec = 30 * 1000000};

	ck_assert_int_eq(nanosleep(&while_ms, NULL), 0);
	while (stamp_next() == 0)
		continue;
}

static inline void setup(void)
{
	dir = support_tmpdir();
	data = support_path(dir, "data");
	a = support_path(data, "a");
	z = support_path(data, "z");
	spare = support_path(dir, "spare");
	ck_assert_int_eq(mkdir(data, 0755), 0);
	ck_assert_int_eq(spool_create(dir, &spool), STATUS_OK);
}

static inline void teardown(void)
{
	spool_free(&spool);
	names_free(&patterns);
	free(data);
	free(a);
	free(z);
	free(spare);
}

/* Another spool, the same store. */
static inline void restart(void)
{
	spool_free(&spool);
	ck_assert_int_eq(spool_create(dir, &spool), STATUS_OK);
}

static inline void put(const char *name, const char *text)
{
	char *path = support_path(data, name);

	support_write(path, text);
	free(path);
}

static inline void want(const char *pattern)
{
	ck_assert_int_eq(names_take(&patterns, support_path(data, pattern)), STATUS_OK);
}

static inline status copy(void)
{
	status_begin();
	return flat_copy(&patterns, &spool);
}

static inline void copy_well(void)
{
	status rc = copy();

	ck_assert_msg(rc == STATUS_OK, "%s: %s", status_name(rc), status_pending());
}

static inline void expect_failure(status code, const char *name)
{
	status rc = copy();

	ck_assert_msg(rc == code, "%s: %s", status_name(rc), status_pending());
	ck_assert_msg(strstr(status_pending(), name) != NULL, "%s", status_pending());
}

/* The copy of NAME (free()). */
static inline char *frozen(const char *name)
{
	char *path = support_path(data, name), *text;
	uint64_t size;
	size_t got;

	ck_assert_int_eq(spool_open(&spool, path, &size), STATUS_OK);
	text = malloc(size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(spool_read(&spool, text, size, &got), STATUS_OK);
	ck_assert_uint_eq(got, size);
	text[got] = '\0';
	spool_close(&spool);
	free(path);
	return text;
}

static inline void expect_frozen(const char *name, const char *text)
{
	char *got = frozen(name);

	ck_assert_str_eq(got, text);
	free(got);
}

#endif
