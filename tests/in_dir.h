/*
 * in_dir.h - a test in one private directory, that watches the steps of file.c
 */
#ifndef TESTS_IN_DIR_H
#define TESTS_IN_DIR_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support.h"

#define STEP_DIED 42
#define MAX_STEPS 64

static char *dir;
static int dirfd_of_dir;
static mode_t former_umask;

static enum file_step steps[MAX_STEPS];
static int step_count;
static int dies_at = -1; /* counts both events of each step */
static int event_count;

static inline void note(const struct file_event *event)
{
	if (event_count++ == dies_at)
		_exit(STEP_DIED);
	if (event->done && step_count < MAX_STEPS)
		steps[step_count++] = event->step;
}

static inline void watch_steps(void)
{
	step_count = 0;
	event_count = 0;
	dies_at = -1;
	file_step_hook = note;
}

static inline void assert_steps(int count, ...)
{
	va_list args;

	ck_assert_int_eq(step_count, count);
	va_start(args, count);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(steps[i], va_arg(args, int));
	va_end(args);
}

static inline void set_up(void)
{
	dir = support_tmpdir();
	dirfd_of_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd_of_dir, 0);
	former_umask = umask(022);
	file_step_hook = NULL;
}

static inline void tear_down(void)
{
	file_step_hook = NULL;
	(void)umask(former_umask);
	ck_assert_int_eq(close(dirfd_of_dir), 0);
}

static inline char *in_dir(const char *name)
{
	return support_path(dir, name);
}

static inline void write_in_dir(const char *name, const char *text)
{
	char *path = in_dir(name);

	support_write(path, text);
	free(path);
}

static inline void assert_text(const char *name, const char *text)
{
	char *path = in_dir(name);
	char *found = support_read(path);

	ck_assert_str_eq(found, text);
	free(found);
	free(path);
}

static inline bool exists_in_dir(const char *name)
{
	struct stat st;

	return fstatat(dirfd_of_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dirfd_of_dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static inline void make_dir(const char *name)
{
	ck_assert_int_eq(mkdirat(dirfd_of_dir, name, 0755), 0);
}

static inline void make_link(const char *target, const char *name)
{
	ck_assert_int_eq(symlinkat(target, dirfd_of_dir, name), 0);
}

#endif
