/*
 * SIGKILL at every step of the end of a restore pass. Store files have holes, so that
 * content is put in place in several steps also where one call could do it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "care_log.h"
#include "sis/extents.h"
#include "sis/point.h"
#include "sis_restore_pass.h"

#define PIECE 8192

static const char *const names[] = {"one", "two", "another name of two"};

/* The system remembers for a second what an NTFS file is under a name that was not used to
 * change it. */
static size_t names_to_look_at(bool ntfs)
{
	return sizeof(names) / sizeof(names[0]) - ntfs;
}

/* ---- the scene ---- */

static void put_sparse(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (size_t at = 0; at + PIECE <= SIZE; at += 4 * PIECE)
		ck_assert_int_eq(pwrite(fd, content + at, PIECE, (off_t)at), PIECE);
	ck_assert_int_eq(ftruncate(fd, (off_t)SIZE), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void put_bare(const char *name)
{
	struct volume *volume;

	sis_put(sis_path(root, name), "", 0);
	ck_assert_int_eq(truncate(sis_path(root, name), (off_t)SIZE), 0);
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(
		volume_set_reparse(volume, volume->fd, name, reparse, 72), STATUS_OK);
	volume_close(volume);
}

/* A volume with a store file and bare links, and nothing but them. */
static bool make_scene(int type)
{
	char *whole;

	root = sis_volume((enum volume_type)type);
	if (!root)
		return false;
	whole = sis_content(SIZE, 5);
	content = sis_keep(calloc(1, SIZE));
	for (size_t at = 0; at + PIECE <= SIZE; at += 4 * PIECE)
		memcpy(content + at, whole + at, PIECE);
	sis_reparse(SIS_GUID_A, 77, content, SIZE, reparse);
	ck_assert_int_eq(mkdir(sis_path(root, STORE_NAME), 0700), 0);
	put_sparse(inside(SIS_GUID_A ".sis"));
	sis_put(inside(STORE_MAX_INDEX), "\x4e\0\0\0\0\0\0\0", 8);
	put_bare("one");
	put_bare("two");
	ck_assert_int_eq(link(sis_path(root, names[1]), sis_path(root, names[2])), 0);
	return true;
}

static void begin_and_tell(void)
{
	begin_pass();
	ck_assert_int_eq(tell("one", reparse, false), STATUS_OK);
	ck_assert_int_eq(tell("two", reparse, false), STATUS_OK);
}

static status run_pass(void)
{
	begin_and_tell();
	return sis_restore_end(restore);
}

/* ---- dying ---- */

static int steps, die_ahead_of;

static void count_and_die(const struct file_event *event)
{
	if (!event->done && ++steps == die_ahead_of)
		(void)kill(getpid(), SIGKILL);
}

/* Did it die? */
static bool run_pass_and_die(void)
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		begin_and_tell();
		steps = 0;
		file_step_hook = count_and_die;
		_exit(failed(sis_restore_end(restore)));
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(wait_status == 0 || WIFSIGNALED(wait_status));
	return wait_status != 0;
}

/* ---- what is there ---- */

static bool is_whole(const char *name)
{
	struct stat st;
	int fd;
	size_t size;
	char *data;

	(void)lstat(sis_path(root, name), &st); /* on NTFS the first look may fail */
	fd = open(sis_path(root, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false; /* on NTFS: a link still */
	(void)close(fd);
	data = sis_get(sis_path(root, name), &size);
	return size == SIZE && memcmp(data, content, SIZE) == 0;
}

/* Neither a link without data, nor one with all of it. */
static bool is_half(const char *name)
{
	size_t size;
	char *data;

	if (is_whole(name) || access(sis_path(root, name), R_OK))
		return false;
	data = sis_get(sis_path(root, name), &size);
	for (size_t i = 0; i < size; i++)
		if (data[i])
			return true;
	return false;
}

/* A link that has nothing yet, as sisbackup recognises it. */
static bool is_bare(const char *name)
{
	int fd = open(sis_path(root, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct volume *volume;
	uint8_t read[72];
	bool none = true;
	size_t size;
	status rc;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	if (fd >= 0) {
		ck_assert_int_eq(extents_none(fd, name, &none), STATUS_OK);
		(void)close(fd);
	}
	rc = volume_get_reparse(volume, volume->fd, name, read, 72, &size);
	volume_close(volume);
	return rc == STATUS_OK && none;
}

static bool is_named(const char *name, const struct care_log *log)
{
	return strstr(log->paths, sis_path(root, name)) != NULL;
}

/* Whole, or nobody takes it for a file that was meant to be as it is. Is it marked? */
static bool expect_recognised(const char *name, const struct care_log *log, bool ntfs)
{
	uint8_t buffer[72];
	status rc;

	if (is_whole(name))
		return false;
	rc = point_get_on(root, sis_path(root, name), buffer);
	if (rc == STATUS_WIN32(ERROR_FILE_CORRUPT)) {
		/* Of several names of a file one is found. */
		ck_assert(is_named(name, log) || is_named(names[1], log) ||
			  is_named(names[2], log));
		return true;
	}
	ck_assert_msg(!is_half(name), "died ahead of step %d: %s", die_ahead_of, name);
	/* There a link is vouched for by its store file. */
	ck_assert_msg(
		is_bare(name) && rc == (ntfs ? STATUS_OK
					     : STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT)),
		"died ahead of step %d: %s: %x", die_ahead_of, name, (unsigned)rc);
	return false;
}

static void expect_done(bool ntfs)
{
	struct care_log log;
	uint8_t mark[72];
	struct volume *volume;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	care_log_begin(&log);
	ck_assert_msg(sis_check(root, &log.care) == STATUS_OK,
		"died ahead of step %d: %s", die_ahead_of, log.reasons);
	for (size_t i = 0; i < names_to_look_at(ntfs); i++) {
		ck_assert_msg(is_whole(names[i]), "died ahead of step %d: %s",
			die_ahead_of, names[i]);
		ck_assert_int_eq(is_link(names[i]), !ntfs);
		ck_assert(!vouch_find_mark(volume->fd, names[i], mark));
	}
	volume_close(volume);
}

START_TEST(death_at_every_step_leaves_what_is_whole_or_known_as_unfinished)
{
	const int stride = support_under_valgrind() ? 5 : 1; /* slow there */
	const bool ntfs = _i == ON_NTFS;
	unsigned halves = 0, unfinished = 0;
	bool died = true;

	for (die_ahead_of = 1; died; die_ahead_of += stride) {
		struct care_log log;

		if (!make_scene(_i))
			return;
		died = run_pass_and_die();
		care_log_begin(&log);
		(void)sis_check(root, &log.care);
		for (size_t i = 0; i < names_to_look_at(ntfs); i++) {
			halves += is_half(names[i]);
			unfinished += expect_recognised(names[i], &log, ntfs);
		}
		if (died)
			ck_assert_int_eq(run_pass(), STATUS_OK);
		expect_done(ntfs);
		ck_assert_int_lt(die_ahead_of, 200);
	}
	ck_assert_int_gt(die_ahead_of, 10);
	if (stride > 1)
		return;
	ck_assert_uint_ge(unfinished, 2);
	/* One call fills a file there. */
	if (!ntfs && !sis_shares_extents((enum volume_type)_i))
		ck_assert_uint_ge(halves, 2);
}
END_TEST

/* ---- the order ---- */

static char order[400];

static void note_step(const struct file_event *event)
{
	static const char letters[] = {[FILE_WRITE] = 'w',
		[FILE_SYNC] = 's',
		[FILE_ATTR] = 'a',
		[FILE_RENAME] = 'r',
		[FILE_CREATE] = 'c',
		[FILE_UNLINK] = 'u'};
	const size_t length = strlen(order);

	if (!event->done || length + 2 > sizeof(order))
		return;
	order[length] = event->step < sizeof(letters) ? letters[event->step] : '?';
	order[length + 1] = '\0';
}

/* Otherwise the loss of power could leave half of the content and no mark. */
START_TEST(marks_are_on_the_disk_ahead_of_content_and_content_ahead_of_records)
{
	const char *at = order;

	if (!make_scene(_i))
		return;
	begin_and_tell();
	*order = '\0';
	file_step_hook = note_step;
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	file_step_hook = NULL;
	ck_assert_uint_ge(strspn(at, "a"), 2);
	at += strspn(at, "a");
	ck_assert_msg(*at == 's', "%s", order);
	at++;
	/* A removed reparse point, and a second mark, are of NTFS. */
	ck_assert_ptr_nonnull(strchr(at, 'w'));
	at += strspn(at, "aw");
	ck_assert_msg(*at == 's', "%s", order);
	at++;
	ck_assert_uint_ge(strspn(at, "a"), 2);
	at += strspn(at, "a");
	ck_assert_str_eq(at, "s");
}
END_TEST

/* ---- somebody writes meanwhile ---- */

static void write_new(void)
{
	int fd = open(sis_path(root, "one"), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "new", 3, 100), 3);
	ck_assert_int_eq(close(fd), 0);
}

static void write_once(const struct file_event *event)
{
	if (event->step != FILE_SYNC || !event->done)
		return;
	file_step_hook = NULL;
	write_new();
}

/* It is there, the file is no link for the reason CODE, and the other one is whole. */
static void assert_new_is_kept(status code)
{
	uint8_t buffer[72];
	size_t size;
	char *data = sis_get(sis_path(root, "one"), &size);

	ck_assert_mem_eq(data + 100, "new", 3);
	ck_assert_int_eq(point_get_on(root, sis_path(root, "one"), buffer), code);
	ck_assert(is_whole("two") && is_link("two"));
}

START_TEST(what_is_written_after_the_mark_is_kept_and_is_a_plain_file)
{
	if (!make_scene(_i))
		return;
	begin_and_tell();
	file_step_hook = write_once;
	ck_assert_int_eq(sis_restore_end(restore), STATUS_WIN32(ERROR_INVALID_DATA));
	assert_new_is_kept(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
}
END_TEST

/* ---- half a file ---- */

static bool leave_half(int type)
{
	for (die_ahead_of = 1;; die_ahead_of++) {
		if (!make_scene(type))
			return false;
		ck_assert(run_pass_and_die());
		if (is_half("one"))
			return true;
	}
}

START_TEST(half_a_file_is_made_neither_link_nor_plain_file)
{
	struct care_log log;
	char *before, *after;
	uint8_t buffer[72];
	size_t size;

	if (!leave_half(ON_TMPFS))
		return;
	before = sis_get(sis_path(root, "one"), &size);
	care_log_begin(&log);
	ck_assert_int_eq(sis_check(root, &log.care), CRC);
	ck_assert_ptr_nonnull(strstr(log.reasons, "only a part of its content"));
	ck_assert_int_eq(sis_unlink(root, "one"), STATUS_WIN32(ERROR_FILE_CORRUPT));
	ck_assert_int_eq(point_get(sis_path(root, "one"), buffer),
		STATUS_WIN32(ERROR_FILE_CORRUPT));
	ck_assert_int_eq(sis_gc(root, false, &log.care), STATUS_OK);
	ck_assert(support_exists(inside(SIS_GUID_A ".sis")));
	after = sis_get(sis_path(root, "one"), &size);
	ck_assert_mem_eq(before, after, SIZE);
}
END_TEST

/* The rest of what it had is not there, which everybody has to be told. */
START_TEST(half_a_file_that_was_written_to_is_left_alone_and_still_known)
{
	if (!leave_half(ON_TMPFS))
		return;
	write_new();
	ck_assert_int_eq(run_pass(), STATUS_WIN32(ERROR_INVALID_DATA));
	assert_new_is_kept(STATUS_WIN32(ERROR_FILE_CORRUPT));
}
END_TEST

/* The mark gives nobody anything: a link that is marked, and whole, is what it was. */
START_TEST(a_mark_on_a_whole_link_changes_nothing)
{
	uint8_t buffer[72];
	int fd;

	if (!make_scene(_i))
		return;
	ck_assert_int_eq(run_pass(), STATUS_OK);
	fd = open(sis_path(root, "one"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(vouch_mark_openly(fd, "one", reparse), STATUS_OK);
	ck_assert(is_link("one"));
	ck_assert_int_eq(vouch_mark(fd, "one", reparse), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	ck_assert(!is_link("one"));
	ck_assert_int_eq(point_get_on(root, sis_path(root, "one"), buffer),
		STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
}
END_TEST

static void teardown(void)
{
	file_step_hook = NULL;
}

int main(void)
{
	Suite *suite = suite_create("sis_restore_kill");
	TCase *tcase = tcase_create("sis_restore_kill");
	const int first = ON_TMP, posix = ON_BTRFS + 1, all = VOLUME_TYPES;

	if (geteuid() != 0)
		return 77; /* root restores */
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase,
		death_at_every_step_leaves_what_is_whole_or_known_as_unfinished, first,
		all);
	tcase_add_loop_test(tcase,
		marks_are_on_the_disk_ahead_of_content_and_content_ahead_of_records,
		first, all);
	tcase_add_loop_test(tcase,
		what_is_written_after_the_mark_is_kept_and_is_a_plain_file, first, posix);
	tcase_add_test(tcase, half_a_file_is_made_neither_link_nor_plain_file);
	tcase_add_test(
		tcase, half_a_file_that_was_written_to_is_left_alone_and_still_known);
	tcase_add_loop_test(tcase, a_mark_on_a_whole_link_changes_nothing, first, posix);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
