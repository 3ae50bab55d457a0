/*
 * Moving, within a file system and between two.
 */
#include "base/file.h"

#include <sys/wait.h>

#include "two_dirs.h"

#define EXISTS       STATUS_WIN32(ERROR_ALREADY_EXISTS)
#define OTHER_DEVICE STATUS_WIN32(ERROR_NOT_SAME_DEVICE)
#define DIED         42
#define BIG          ((size_t)300000)

static int event_count, dies_at;
static bool no_copy_range;

/* A kernel that cannot copy between these file systems, when wanted. */
ssize_t copy_file_range(
	int from, off_t *in, int to, off_t *out, size_t size, unsigned flags)
{
	static char block[1000];
	ssize_t got;

	(void)flags;
	if (no_copy_range) {
		errno = EXDEV;
		return -1;
	}
	got = pread(from, block, size < sizeof(block) ? size : sizeof(block), *in);
	return got <= 0 ? got : pwrite(to, block, (size_t)got, *out);
}

static unsigned char *make_noise(void)
{
	unsigned char *noise = malloc(BIG);

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < BIG; i++)
		noise[i] = (unsigned char)(i * 2654435761u >> 13);
	return noise;
}

/* ---- on any file systems ---- */

START_TEST(move_takes_content_to_the_new_name)
{
	create_text(here, "from", "precious");
	assert_moved();
	assert_text(there, "to", "precious");
}
END_TEST

START_TEST(move_never_replaces)
{
	create_text(here, "from", "new");
	create_text(there, "to", "old");
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "new");
	assert_text(there, "to", "old");
	ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	ck_assert_int_eq(symlinkat("nowhere", there, "to"), 0);
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "new");
}
END_TEST

START_TEST(move_needs_its_original)
{
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert(!exists(there, "to"));
}
END_TEST

static enum file_step last_steps[3];

static void note_last(const struct file_event *event)
{
	if (!event->done)
		return;
	last_steps[0] = last_steps[1];
	last_steps[1] = last_steps[2];
	last_steps[2] = event->step;
}

START_TEST(move_ends_with_both_directories_synced)
{
	create_text(here, "from", "x");
	file_step_hook = note_last;
	assert_moved();
	ck_assert_int_eq(last_steps[1], FILE_SYNC_DIR);
	ck_assert_int_eq(last_steps[2], FILE_SYNC_DIR);
	ck_assert(last_steps[0] == (crossing ? FILE_SYNC_DIR : FILE_RENAME));
}
END_TEST

static void die_there(const struct file_event *event)
{
	(void)event;
	if (event_count++ == dies_at)
		_exit(DIED);
}

static int move_in_child(void)
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		event_count = 0;
		file_step_hook = die_there;
		_exit(failed(move()) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

START_TEST(move_that_dies_at_any_step_loses_nothing_and_can_be_repeated)
{
	int result = DIED;

	for (dies_at = 0; result == DIED; dies_at++) {
		create_text(here, "from", "precious");
		result = move_in_child();
		ck_assert(exists(here, "from") || exists(there, "to"));
		if (exists(there, "to"))
			assert_text(there, "to", "precious");
		if (exists(here, "from")) {
			assert_text(here, "from", "precious");
			assert_moved();
		}
		assert_text(there, "to", "precious");
		ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_ge(dies_at, crossing ? 20 : 6);
}
END_TEST

/* ---- within one file system ---- */

START_TEST(move_takes_directories_and_links_within_a_file_system)
{
	ck_assert_int_eq(mkdirat(here, "from", 0755), 0);
	assert_moved();
	ck_assert(S_ISDIR(stat_of(there, "to").st_mode));
	ck_assert_int_eq(unlinkat(there, "to", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("nowhere", here, "from"), 0);
	assert_moved();
	ck_assert(S_ISLNK(stat_of(there, "to").st_mode));
}
END_TEST

START_TEST(moving_unsynced_syncs_nothing)
{
	create_text(here, "from", "x");
	last_steps[1] = last_steps[2] = FILE_CREATE;
	file_step_hook = note_last;
	ck_assert_int_eq(file_move_unsynced_at(here, "from", there, "to"), STATUS_OK);
	ck_assert_int_eq(last_steps[1], FILE_CREATE);
	ck_assert_int_eq(last_steps[2], FILE_RENAME);
	assert_text(there, "to", "x");
}
END_TEST

/* ---- across file systems ---- */

static void move_noise(void)
{
	unsigned char *noise = make_noise();

	ck_assert_int_eq(close(create(here, "from", noise, BIG)), 0);
	assert_moved();
	assert_content(there, "to", noise, BIG);
	free(noise);
}

START_TEST(crossing_copies_every_byte_with_and_without_the_kernels_help)
{
	move_noise();
	ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	no_copy_range = true;
	move_noise();
	no_copy_range = false;
}
END_TEST

START_TEST(crossing_keeps_holes)
{
	const off_t end = (off_t)64 << 20;
	struct stat st;
	char back[3];
	size_t got;
	int fd = create(here, "from", "a", 1);

	ck_assert_int_eq(pwrite(fd, "mid", 3, end / 2), 3);
	ck_assert_int_eq(ftruncate(fd, end), 0);
	ck_assert_int_eq(close(fd), 0);
	assert_moved();
	st = stat_of(there, "to");
	ck_assert_int_eq(st.st_size, end);
	ck_assert_int_lt(st.st_blocks, 8192); /* of 512 bytes: 4 MiB of 64 */
	fd = openat(there, "to", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(
		file_pread(fd, back, 3, (uint64_t)end / 2, &got, "to"), STATUS_OK);
	ck_assert_mem_eq(back, "mid", 3);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(crossing_is_for_regular_files_only)
{
	ck_assert_int_eq(mkdirat(here, "from", 0755), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert_int_eq(unlinkat(here, "from", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", here, "from"), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert_int_eq(unlinkat(here, "from", 0), 0);
	ck_assert_int_eq(mkfifoat(here, "from", 0600), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert(!exists(there, "to"));
}
END_TEST

START_TEST(crossing_finishes_only_a_true_copy)
{
	const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
	int a = create(here, "from", "same size", 9),
	    b = create(there, "to", "SAME SIZE", 9);

	ck_assert_int_eq(futimens(a, times), 0);
	ck_assert_int_eq(futimens(b, times), 0);
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "same size");
	ck_assert_int_eq(pwrite(b, "same size", 9, 0), 9);
	ck_assert_int_eq(move(), EXISTS); /* written later */
	ck_assert_int_eq(futimens(b, times), 0);
	assert_moved();
	assert_text(there, "to", "same size");
	ck_assert_int_eq(close(a), 0);
	ck_assert_int_eq(close(b), 0);
}
END_TEST

static void append_on_first_write(const struct file_event *event)
{
	int fd;

	if (event->step != FILE_WRITE || !event->done)
		return;
	file_step_hook = NULL;
	fd = openat(here, "from", O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "more", 4), 4);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(crossing_notices_a_writer)
{
	create_text(here, "from", "text");
	file_step_hook = append_on_first_write;
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	assert_text(here, "from", "textmore");
	ck_assert(!exists(there, "to"));
	ck_assert(!exists(there, TEMPORARY));
}
END_TEST

static void shrink_before_write(const struct file_event *event)
{
	if (event->step != FILE_WRITE)
		return;
	file_step_hook = NULL;
	create_text(here, "from", "");
}

START_TEST(crossing_notices_a_file_that_shrinks)
{
	create_text(here, "from", "text");
	file_step_hook = shrink_before_write;
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	assert_text(here, "from", "");
	ck_assert(!exists(there, "to"));
	ck_assert(!exists(there, TEMPORARY));
}
END_TEST

static void add_common_tests(TCase *tc)
{
	tcase_add_test(tc, move_takes_content_to_the_new_name);
	tcase_add_test(tc, move_never_replaces);
	tcase_add_test(tc, move_needs_its_original);
	tcase_add_test(tc, move_ends_with_both_directories_synced);
	tcase_add_test(tc, move_that_dies_at_any_step_loses_nothing_and_can_be_repeated);
}

static TCase *same_tests(void)
{
	TCase *tc = tcase_create("one file system");

	tcase_add_checked_fixture(tc, set_up_same, tear_down);
	add_common_tests(tc);
	tcase_add_test(tc, move_takes_directories_and_links_within_a_file_system);
	tcase_add_test(tc, moving_unsynced_syncs_nothing);
	return tc;
}

static TCase *crossing_tests(void)
{
	TCase *tc = tcase_create("two file systems");

	tcase_add_checked_fixture(tc, set_up_crossing, tear_down);
	add_common_tests(tc);
	tcase_add_test(tc, crossing_copies_every_byte_with_and_without_the_kernels_help);
	tcase_add_test(tc, crossing_keeps_holes);
	tcase_add_test(tc, crossing_is_for_regular_files_only);
	tcase_add_test(tc, crossing_finishes_only_a_true_copy);
	tcase_add_test(tc, crossing_notices_a_writer);
	tcase_add_test(tc, crossing_notices_a_file_that_shrinks);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("file_move");

	suite_add_tcase(suite, same_tests());
	if (have_two_devices())
		suite_add_tcase(suite, crossing_tests());
	else
		(void)fputs("skipped: /dev/shm is no second file system here\n", stderr);
	return support_run(suite);
}
