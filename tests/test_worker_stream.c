/* Sessions whose files are streamed: what is delivered, and what goes wrong on the way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream_session.h"

/* ---- what is delivered ---- */

static const char *const names[] = {"db.pipe", "db.plain", "db.surplus"};

START_TEST(every_byte_is_delivered_in_portions_of_any_size)
{
	static const size_t portions[] = {1, 4095, ODD, 1 << 20};
	char *path = stream_make(session_store.home, names[_i], LARGE);
	struct engine_session *session = session_begin();
	uint64_t at = 0;

	ck_assert_uint_eq(session_open(session, path), LARGE);
	for (size_t i = 0; at < LARGE; i++) {
		size_t size = portions[i % 4];

		if (size > LARGE - at)
			size = (size_t)(LARGE - at);
		session_assert_read(session, at, size);
		at += size;
	}
	session_assert_at_end(session);
	session_assert_at_end(session);
	streamer.close(session);
	ck_assert_uint_eq(session_open(session, path), LARGE);
	session_assert_read(session, 0, LARGE);
	session_assert_at_end(session);
	streamer.close(session);
	streamer.end(session);
	stream_assert_childless();
	free(path);
}
END_TEST

START_TEST(a_read_ends_with_the_file)
{
	char *path = stream_make(session_store.home, names[_i], ODD);
	struct engine_session *session = session_begin();
	size_t got;

	ck_assert_uint_eq(session_open(session, path), ODD);
	ck_assert_int_eq(streamer.read(session, session_buffer, LARGE, &got), STATUS_OK);
	ck_assert_uint_eq(got, ODD);
	session_assert_at_end(session);
	streamer.end(session);
	stream_assert_childless();
	free(path);
}
END_TEST

START_TEST(empty_files_are_at_their_end_at_once)
{
	char *path = stream_make(session_store.home, names[_i], 0);
	struct engine_session *session = session_begin();

	ck_assert_uint_eq(session_open(session, path), 0);
	session_assert_at_end(session);
	streamer.close(session);
	streamer.end(session);
	free(path);
}
END_TEST

START_TEST(what_is_wrong_with_an_empty_file_is_told_at_open)
{
	char *path = stream_make(session_store.home, "db.late", 0);
	struct engine_session *session = session_begin();
	uint64_t size = 5;

	session_assert_fails(session_try_open(session, path, ENGINE_DATABASE, &size),
		hrDatabaseCorrupted, "page 7");
	ck_assert_uint_eq(size, 0);
	session_assert_read_fails(session, 1, hrInvalidHandle, "no file is open");
	streamer.end(session);
	free(path);
}
END_TEST

START_TEST(lists_come_with_kinds_generations_and_sizes)
{
	struct engine_session *session = session_begin();
	struct engine_files databases = {0}, logs = {0};

	free(stream_make(session_store.home, "db.b", 10));
	free(stream_make(session_store.home, "db.a", 0));
	free(stream_make(session_store.log_dir, "log.0000000009", 100));
	free(stream_make(session_store.log_dir, "log.0000000010.part-5", 5));
	ck_assert_msg(streamer.databases(session, &databases) == STATUS_OK, "%s",
		status_pending());
	ck_assert_uint_eq(databases.count, 2);
	ck_assert_str_eq(strrchr(databases.items[0].path, '/'), "/db.a");
	ck_assert_int_eq(databases.items[1].kind, ENGINE_DATABASE);
	ck_assert_uint_eq(databases.items[1].size, 10);
	ck_assert_msg(streamer.logs(session, &logs) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(logs.count, 2);
	ck_assert_str_eq(strrchr(logs.items[1].path, '/'), "/log.0000000010.part-5");
	ck_assert_int_eq(logs.items[1].kind, ENGINE_LOG);
	ck_assert_uint_eq(logs.items[1].generation, 10);
	ck_assert_uint_eq(logs.items[1].size, 5);
	engine_files_free(&databases);
	engine_files_free(&logs);
	streamer.end(session);
}
END_TEST

START_TEST(lists_of_thousands_come_through)
{
	struct engine_session *session;
	struct engine_files logs = {0};
	char name[64];

	for (uint32_t i = 1; i <= 6000; i++) {
		(void)snprintf(name, sizeof(name), "log.%010u", i);
		free(stream_make(session_store.log_dir, name, 0));
	}
	session = session_begin();
	ck_assert_msg(streamer.logs(session, &logs) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(logs.count, 6000);
	ck_assert_uint_eq(logs.items[5999].generation, 6000);
	engine_files_free(&logs);
	streamer.end(session);
}
END_TEST

START_TEST(begin_and_truncation_reach_the_engine)
{
	const struct engine_begin how = {.incremental = true, .first_generation = 4711};
	char *one = stream_make(session_store.log_dir, "log.0000000001", 1);
	char *two = stream_make(session_store.log_dir, "log.0000000002", 1);
	char *begun = support_path(session_store.home, "begun"), *text;
	struct engine_session *session;

	ck_assert_int_eq(streamer.begin(&streamer, &session_store.config, &how, &session),
		STATUS_OK);
	text = support_read(begun);
	ck_assert_str_eq(text, "1 4711");
	ck_assert_int_eq(streamer.truncate(session, 2), STATUS_OK);
	ck_assert(!support_exists(one));
	ck_assert(support_exists(two));
	streamer.end(session);
	stream_assert_noted(&session_store, "ended");
	free(text);
	free(begun);
	free(one);
	free(two);
}
END_TEST

START_TEST(recovery_is_told_where_everything_is)
{
	char *path = stream_make(session_store.home, "db.a", 1);
	char *recovered = support_path(session_store.home, "recovered"), *text,
	     wanted[8192];
	const struct names databases = {.items = &path, .count = 1};
	const struct names none = {0};
	struct engine_recovery recovery = {.databases = _i ? &none : &databases,
		.home = session_store.home,
		.log_dir = session_store.log_dir,
		.low = 3,
		.high = 900};
	status rc = streamer.recover(&streamer, &session_store.config, &recovery);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	(void)snprintf(wanted, sizeof(wanted), "%d %s %s - 3 900", _i ? 0 : 1,
		session_store.home, session_store.log_dir);
	text = support_read(recovered);
	ck_assert_str_eq(text, wanted);
	stream_assert_childless();
	free(text);
	free(recovered);
	free(path);
}
END_TEST

START_TEST(a_check_that_the_engine_has_not_is_an_error)
{
	char *path = stream_make(session_store.home, "db.a", 1);

	session_assert_fails(streamer.verify(&streamer, path),
		STATUS_WIN32(ERROR_NOT_SUPPORTED), "streamer");
	free(path);
}
END_TEST

START_TEST(a_missing_file_does_not_end_the_session)
{
	char *path = stream_make(session_store.home, "db.a", ODD);
	struct engine_session *session = session_begin();
	uint64_t size;

	session_assert_fails(
		session_try_open(session, "/nowhere/db.b", ENGINE_DATABASE, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND), "/nowhere");
	ck_assert_uint_eq(size, 0);
	ck_assert_uint_eq(session_open(session, path), ODD);
	session_assert_read(session, 0, ODD);
	streamer.end(session);
	free(path);
}
END_TEST

START_TEST(without_a_database_there_is_no_session)
{
	const struct engine_begin how = {0};
	struct engine_session *session;

	names_free(&session_store.config.databases);
	session_assert_fails(
		streamer.begin(&streamer, &session_store.config, &how, &session),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION), "no database");
	ck_assert_ptr_null(session);
	streamer.end(NULL);
}
END_TEST

/* ---- what goes wrong on the way ---- */

/* A file of ODD bytes; the reads up to the failing one. */
static const struct {
	const char *name;
	enum engine_file_kind kind;
	status code;
	const char *detail;
} failures[] = {
	{"db.short", ENGINE_DATABASE, hrReadVerifyFailure, "db.short: it ended before"},
	{"log.short", ENGINE_LOG, hrLogFileCorrupt, "log.short: it ended before"},
	{"db.bad", ENGINE_DATABASE, hrDatabaseCorrupted, "db.bad: page 7 is bad"},
	{"db.late", ENGINE_DATABASE, hrDatabaseCorrupted, "db.late: page 7 is bad"},
	{"db.dies", ENGINE_DATABASE, hrCommunicationError, "signal 9"},
};

START_TEST(what_goes_wrong_fails_the_read_that_would_have_ended_the_file)
{
	const bool lost = failures[_i].code == hrCommunicationError;
	char *path = stream_make(session_store.home, failures[_i].name, ODD);
	char *good = stream_make(session_store.home, "db.good", ODD);
	struct engine_session *session = session_begin();
	uint64_t size;

	ck_assert_int_eq(
		session_try_open(session, path, failures[_i].kind, &size), STATUS_OK);
	ck_assert_uint_eq(size, ODD);
	session_assert_read(session, 0, ODD / 2 - 1);
	session_assert_read_fails(session, ODD, failures[_i].code, failures[_i].detail);
	session_assert_read_fails(session, ODD, hrReadVerifyFailure, "failed before");
	streamer.close(session);
	if (lost)
		session_assert_fails(
			session_try_open(session, good, ENGINE_DATABASE, &size),
			hrCommunicationError, "not running");
	else
		ck_assert_uint_eq(session_open(session, good), ODD);
	if (!lost)
		session_assert_read(session, 0, ODD);
	streamer.end(session);
	stream_assert_childless();
	free(good);
	free(path);
}
END_TEST

START_TEST(a_file_that_is_given_up_is_followed_by_another)
{
	char *path = stream_make(session_store.home, names[_i], LARGE);
	char *other = stream_make(session_store.home, "db.other", ODD);
	struct engine_session *session = session_begin();

	for (size_t size = 0; size < 3; size++) {
		ck_assert_uint_eq(session_open(session, path), LARGE);
		session_assert_read(session, 0, size);
		streamer.close(session);
		stream_assert_noted(&session_store, "closed");
		if (strcmp(names[_i], "db.plain") != 0)
			stream_assert_noted(&session_store, "unwanted");
		ck_assert_uint_eq(session_open(session, other), ODD);
		session_assert_read(session, 0, ODD);
		streamer.close(session);
	}
	streamer.close(session);
	streamer.end(session);
	stream_assert_childless();
	free(other);
	free(path);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("worker_stream");
	TCase *tc = tcase_create("worker_stream");
	const int kinds = COUNT(names);

	tcase_add_checked_fixture(tc, session_setup, session_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
		tc, every_byte_is_delivered_in_portions_of_any_size, 0, kinds);
	tcase_add_loop_test(tc, a_read_ends_with_the_file, 0, kinds);
	tcase_add_loop_test(tc, empty_files_are_at_their_end_at_once, 0, kinds);
	tcase_add_test(tc, what_is_wrong_with_an_empty_file_is_told_at_open);
	tcase_add_test(tc, lists_come_with_kinds_generations_and_sizes);
	tcase_add_test(tc, lists_of_thousands_come_through);
	tcase_add_test(tc, begin_and_truncation_reach_the_engine);
	tcase_add_loop_test(tc, recovery_is_told_where_everything_is, 0, 2);
	tcase_add_test(tc, a_check_that_the_engine_has_not_is_an_error);
	tcase_add_test(tc, a_missing_file_does_not_end_the_session);
	tcase_add_test(tc, without_a_database_there_is_no_session);
	tcase_add_loop_test(tc,
		what_goes_wrong_fails_the_read_that_would_have_ended_the_file, 0,
		COUNT(failures));
	tcase_add_loop_test(tc, a_file_that_is_given_up_is_followed_by_another, 0, kinds);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
