/*
 * two_dirs.h - moving a file from one private directory to another, on one file system or
 * from the temporary directory's to /dev/shm
 */
#ifndef TESTS_TWO_DIRS_H
#define TESTS_TWO_DIRS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

#define TEMPORARY ".to.backupapi-new"

static int here, there;
static bool crossing;

static inline int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline void set_up_same(void)
{
	here = open_path(support_tmpdir());
	there = open_path(support_tmpdir());
	crossing = false;
	file_step_hook = NULL;
}

/* Two file systems, or this test program says so once and has fewer tests. */
static inline bool have_two_devices(void)
{
	const char *base = getenv("TMPDIR");
	struct stat a, b;

	return stat(base ? base : "/tmp", &a) == 0 && stat("/dev/shm", &b) == 0 &&
	       access("/dev/shm", W_OK) == 0 && a.st_dev != b.st_dev;
}

static inline void set_up_crossing(void)
{
	char *former = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;

	set_up_same();
	ck_assert_int_eq(close(there), 0);
	ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	there = open_path(support_tmpdir());
	ck_assert_int_eq(former ? setenv("TMPDIR", former, 1) : unsetenv("TMPDIR"), 0);
	free(former);
	crossing = true;
}

static inline void tear_down(void)
{
	file_step_hook = NULL;
	ck_assert_int_eq(close(here), 0);
	ck_assert_int_eq(close(there), 0);
}

static inline int create(int dir, const char *name, const void *data, size_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	return fd;
}

static inline void create_text(int dir, const char *name, const char *text)
{
	ck_assert_int_eq(close(create(dir, name, text, strlen(text))), 0);
}

static inline bool exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline struct stat stat_of(int dir, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static inline void assert_content(
	int dir, const char *name, const void *data, size_t size)
{
	char *found;
	size_t length;

	ck_assert_int_eq(file_read_at(dir, name, (size_t)1 << 30, &found, &length, NULL),
		STATUS_OK);
	ck_assert_uint_eq(length, size);
	ck_assert(memcmp(found, data, size) == 0);
	free(found);
}

static inline void assert_text(int dir, const char *name, const char *text)
{
	assert_content(dir, name, text, strlen(text));
}

static inline status move(void)
{
	return file_move_at(here, "from", there, "to");
}

static inline void assert_moved(void)
{
	ck_assert_int_eq(move(), STATUS_OK);
	ck_assert(!exists(here, "from"));
	ck_assert(!exists(there, TEMPORARY));
}

#endif
