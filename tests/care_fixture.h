/*
 * care_fixture.h - a volume for each test of lib/sis/care_*, and what most of them do with it
 */
#ifndef TESTS_CARE_FIXTURE_H
#define TESTS_CARE_FIXTURE_H

#include <stdlib.h>

#include "base/file.h"
#include "care_log.h"
#include "sis_fixture.h"
#include "support.h"

static char *dir;
static struct care_log done;
static enum volume_type type;

static inline void begin_on(enum volume_type on)
{
	type = on;
	dir = sis_volume(type);
	ck_assert_ptr_nonnull(dir);
	care_log_begin(&done);
}

static inline void setup_xfs(void)
{
	begin_on(ON_XFS);
}

static inline void setup_btrfs(void)
{
	begin_on(ON_BTRFS);
}

static inline void setup_tmpfs(void)
{
	begin_on(ON_TMPFS);
}

static inline void teardown(void)
{
	file_step_hook = NULL;
	free(dir);
}

static inline status link_all(void)
{
	care_log_begin(&done);
	return sis_link_duplicates(dir, 0, &done.care);
}

static inline status check(void)
{
	care_log_begin(&done);
	return sis_check(dir, &done.care);
}

static inline status gc(bool dry_run)
{
	care_log_begin(&done);
	return sis_gc(dir, dry_run, &done.care);
}

static inline void expect_sound(void)
{
	ck_assert_msg(check() == STATUS_OK, "%s", done.reasons);
	ck_assert_uint_eq(done.summary.orphaned, 0);
}

#endif
