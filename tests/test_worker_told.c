/* What a worker may tell of its sessions: lists, descriptors, copies. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "stream_session.h"

static void teardown(void)
{
	session_teardown();
	ck_assert_int_eq(unsetenv("FAKE_WORKER_FILES"), 0);
	ck_assert_int_eq(unsetenv("FAKE_WORKER_OPENED"), 0);
}

static void use_fake(const char *mode)
{
	stream_use_worker("fake_worker");
	ck_assert_int_eq(setenv("FAKE_WORKER_MODE", mode, 1), 0);
}

/* ---- lists and descriptors ---- */

/* Lines of a list, with HOME and LOGS for the store's directories, and why it is refused. */
static const struct {
	bool logs;
	const char *lines;
	const char *problem; /* NULL: fine */
} lists[] = {
	{false, "0 0 5 HOME/a\n0 0 5 HOME/sub/b", NULL},
	{false, "0 0 5 HOME/b\n0 0 5 HOME/a", "out of order"},
	{false, "0 0 5 HOME/a\n0 0 5 HOME/a", "out of order"},
	{false, "0 0 5 /etc/shadow", "not configured"},
	{false, "0 0 5 HOMEx/a", "not configured"},
	{false, "0 0 5 LOGS/a", "not configured"},
	{false, "0 0 5 /", "malformed"},
	{false, "0 0 5 HOME/../etc/shadow", "malformed"},
	{false, "0 0 5 HOME/./a", "malformed"},
	{false, "0 0 5 HOME//a", "malformed"},
	{false, "0 0 5 HOME/", "malformed"},
	{false, "0 0 5 home/a", "malformed"},
	{false, "0 1 5 HOME/a", "malformed"},
	{false, "3 0 5 HOME/a", "malformed"},
	{false, "0 0 9223372036854775808 HOME/a", "malformed"},
	{false, "1 7 5 HOME/log.7", "another kind"},
	{false, "2 0 5 HOME/a.patch", "another kind"},
	{true, "1 7 5 LOGS/log.7\n1 8 5 LOGS/log.8.part-5", NULL},
	{true, "1 7 5 LOGS/log.8", "generation"},
	{true, "1 7 5 LOGS/shadow", "generation"},
	{true, "1 7 5 LOGS/log.7x", "generation"},
	{true, "1 7 5 LOGS/sub/log.7", "not in the log directory"},
	{true, "1 7 5 LOGSx/log.7", "not in the log directory"},
	{true, "1 7 5 HOME/log.7", "not in the log directory"},
	{true, "1 7 5 LOGS", "not in the log directory"},
	{true, "1 7 5 LOGS/../log.7", "malformed"},
	{true, "1 0 5 LOGS/log.0", "malformed"},
	{true, "0 0 5 LOGS/log.7", "another kind"},
	{true, "1 7 5 LOGS/log.7\n1 7 5 LOGS/log.7.part-5", "out of order"},
	{true, "1 8 5 LOGS/log.8\n1 7 5 LOGS/log.7", "out of order"},
};

static char *expand(const char *lines)
{
	struct buffer text = {0};

	for (const char *c = lines; *c; c++) {
		if (strncmp(c, "HOME", 4) == 0 || strncmp(c, "LOGS", 4) == 0) {
			buffer_text(&text,
				*c == 'H' ? session_store.home : session_store.log_dir);
			c += 3;
		} else {
			buffer_add(&text, c, 1);
		}
	}
	ck_assert(!buffer_failed(&text));
	return text.data;
}

START_TEST(lists_are_believed_only_as_far_as_they_can_be)
{
	char *lines = expand(lists[_i].lines);
	struct engine_files files = {0};
	struct engine_session *session;
	status rc;

	use_fake("lists");
	ck_assert_int_eq(setenv("FAKE_WORKER_FILES", lines, 1), 0);
	session = session_begin();
	rc = lists[_i].logs ? streamer.logs(session, &files)
			    : streamer.databases(session, &files);
	if (lists[_i].problem)
		session_assert_fails(rc, hrCommunicationError, lists[_i].problem);
	else
		ck_assert_msg(
			rc == STATUS_OK && files.count == 2, "%s", status_pending());
	engine_files_free(&files);
	streamer.end(session);
	stream_assert_childless();
	free(lines);
}
END_TEST

START_TEST(an_index_is_no_list)
{
	struct engine_files files = {0};
	struct engine_session *session;

	use_fake("fine");
	session = session_begin();
	session_assert_fails(
		streamer.databases(session, &files), hrCommunicationError, "unexpected");
	streamer.end(session);
}
END_TEST

static const struct {
	const char *how;
	const char *problem;
} openings[] = {
	{"nothing", "nothing was opened"},
	{"no descriptor", "unexpected"},
	{"twice", "unexpected"},
	{"pipe as file", "not what was told"},
	{"file as pipe", "not what was told"},
	{"socket as pipe", "not what was told"},
	{"device", "not what was told"},
	{"directory", "not what was told"},
	{"short file", "shorter than was told"},
	{"enormous", "malformed"},
};

START_TEST(descriptors_are_believed_only_as_far_as_they_can_be)
{
	struct engine_session *session;
	uint64_t size = 5;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_OPENED", openings[_i].how, 1), 0);
	session = session_begin();
	session_assert_fails(
		session_try_open(session, "/srv/db.a", ENGINE_DATABASE, &size),
		hrCommunicationError, openings[_i].problem);
	ck_assert_uint_eq(size, 0);
	session_assert_read_fails(session, 10, hrInvalidHandle, "no file is open");
	streamer.close(session);
	streamer.end(session);
	stream_assert_childless();
}
END_TEST

START_TEST(a_file_that_shrinks_fails_the_read)
{
	static const status codes[] = {
		[ENGINE_DATABASE] = hrReadVerifyFailure, [ENGINE_LOG] = hrLogFileCorrupt};
	char *path = stream_make(session_store.home, "db.a", 1000);
	const enum engine_file_kind kind = _i ? ENGINE_LOG : ENGINE_DATABASE;
	struct engine_session *session;
	uint64_t size;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_OPENED", path, 1), 0);
	session = session_begin();
	ck_assert_int_eq(session_try_open(session, path, kind, &size), STATUS_OK);
	session_assert_read(session, 0, 500);
	ck_assert_int_eq(truncate(path, 999), 0);
	session_assert_read_fails(session, 500, codes[kind], "db.a: it ended before");
	session_assert_read_fails(session, 500, hrReadVerifyFailure, "failed before");
	streamer.end(session);
	stream_assert_childless();
	free(path);
}
END_TEST

START_TEST(an_end_that_cannot_be_read_fails_the_read)
{
	struct engine_session *session;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_OPENED", "writing end", 1), 0);
	session = session_begin();
	ck_assert_uint_eq(session_open(session, "/srv/db.a"), 1000);
	session_assert_read_fails(session, 1000, hrCommunicationError, "db.a: pipe");
	streamer.end(session);
	stream_assert_childless();
}
END_TEST

/* ---- copies in the spool ---- */

/* The same for an index, whose spool has 10000 bytes. */
static const struct {
	unsigned traits;
	const char *lines;
	const char *problem; /* NULL: fine */
} indexes[] = {
	{ENGINE_DIRECTORY, "0 10 HOME/a\n10 10 HOME/sub/deep/b", NULL},
	{ENGINE_DIRECTORY, "0 10 HOME", NULL}, /* the one file that is configured */
	{ENGINE_DIRECTORY, "0 10 HOMEx/a", "not configured"},
	{ENGINE_DIRECTORY, "0 10 LOGS/a", "not configured"},
	{ENGINE_DIRECTORY, "0 10 /etc/shadow", "not configured"},
	{ENGINE_DIRECTORY, "0 10 HOME/../logs/a", "malformed"},
	{0, "0 10 HOME", NULL},
	{0, "0 10 HOME/a", "not configured"},
};

START_TEST(an_index_is_believed_only_below_what_is_configured)
{
	const struct engine spooler = {
		.name = "spooler", .traits = indexes[_i].traits, WORKER_SPOOL_OPERATIONS};
	const struct engine_begin how = {0};
	char *lines = expand(indexes[_i].lines);
	struct engine_session *session;
	status rc;

	session_store.config.spool_dir = session_store.log_dir;
	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_INDEX", lines, 1), 0);
	rc = spooler.begin(&spooler, &session_store.config, &how, &session);
	if (indexes[_i].problem)
		session_assert_fails(rc, hrCommunicationError, indexes[_i].problem);
	else
		ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	spooler.end(session);
	ck_assert_int_eq(unsetenv("FAKE_WORKER_INDEX"), 0);
	stream_assert_childless();
	free(lines);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("worker_told");
	TCase *tc = tcase_create("worker_told");

	tcase_add_checked_fixture(tc, session_setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
		tc, lists_are_believed_only_as_far_as_they_can_be, 0, COUNT(lists));
	tcase_add_test(tc, an_index_is_no_list);
	tcase_add_loop_test(tc, descriptors_are_believed_only_as_far_as_they_can_be, 0,
		COUNT(openings));
	tcase_add_loop_test(tc, a_file_that_shrinks_fails_the_read, 0, 2);
	tcase_add_test(tc, an_end_that_cannot_be_read_fails_the_read);
	tcase_add_loop_test(tc, an_index_is_believed_only_below_what_is_configured, 0,
		COUNT(indexes));
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
