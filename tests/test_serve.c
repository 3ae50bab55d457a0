/* The worker program, against callers that misbehave. */
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "engine/protocol.h"
#include "sqlite_store.h"

enum { PATIENCE_MS = 5000 };

static int caller;
static pid_t pid;
static struct buffer body;

/* A worker by hand; CALLER is our end of the socket. */
static void setup(void)
{
	char program[4096];
	char *argv[] = {program, NULL};
	int ends[2];

	ck_assert_ptr_nonnull(getenv("BACKUPAPI_LIBEXECDIR"));
	(void)snprintf(program, sizeof(program), "%s/backupapi-worker",
		getenv("BACKUPAPI_LIBEXECDIR"));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_msg(
		process_start(argv, ends[1], &pid) == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(close(ends[1]), 0);
	caller = ends[0];
	body = (struct buffer){0};
}

static void teardown(void)
{
	buffer_free(&body);
	if (caller >= 0)
		(void)close(caller);
}

static struct hello make_hello(void)
{
	static char version[] = BACKUPAPI_VERSION, engine[] = "sqlite";

	return (struct hello){.protocol = PROTOCOL_VERSION,
		.version = version,
		.engine = engine,
		.uid = geteuid(),
		.gid = getegid()};
}

static void send_message(enum message_type type)
{
	ck_assert_int_eq(protocol_send(caller, type, &body, -1), STATUS_OK);
	buffer_clear(&body);
}

static struct message receive(enum message_type type)
{
	struct message message;
	bool ended;

	ck_assert_msg(
		protocol_receive(caller, PATIENCE_MS, &message, &ended) == STATUS_OK,
		"%s", status_pending());
	ck_assert_uint_eq(message.type, type);
	return message;
}

static void assert_welcome(const struct hello *hello, status code, const char *detail)
{
	struct message message;
	struct welcome welcome;

	protocol_put_hello(&body, hello);
	send_message(MESSAGE_HELLO);
	message = receive(MESSAGE_WELCOME);
	ck_assert_int_eq(protocol_get_welcome(&message, &welcome), STATUS_OK);
	ck_assert_uint_eq(welcome.protocol, PROTOCOL_VERSION);
	ck_assert_str_eq(welcome.version, BACKUPAPI_VERSION);
	ck_assert_msg(welcome.result.code == code, "%s", welcome.result.detail);
	ck_assert_msg(strstr(welcome.result.detail, detail) != NULL, "%s",
		welcome.result.detail);
	welcome_free(&welcome);
	message_free(&message);
}

static void assert_result(status code)
{
	struct message message = receive(MESSAGE_RESULT);
	struct result result;

	ck_assert_int_eq(protocol_get_result(&message, &result), STATUS_OK);
	ck_assert_msg(result.code == code, "%s", result.detail);
	free(result.detail);
	message_free(&message);
}

/* It ends by itself, without a crash, within a second. */
static void assert_ends(int exit_status)
{
	int how;

	for (int i = 0; i < 1000; i++) {
		pid_t ended = waitpid(pid, &how, WNOHANG);

		ck_assert_int_ge(ended, 0);
		if (ended == pid) {
			ck_assert_msg(WIFEXITED(how), "signal %d", WTERMSIG(how));
			ck_assert_int_eq(WEXITSTATUS(how), exit_status);
			return;
		}
		(void)usleep(1000);
	}
	(void)kill(pid, SIGKILL);
	ck_abort_msg("the worker did not end");
}

static void hang_up(void)
{
	ck_assert_int_eq(close(caller), 0);
	caller = -1;
}

START_TEST(worker_ends_with_the_connection)
{
	const struct hello hello = make_hello();

	assert_welcome(&hello, STATUS_OK, "");
	hang_up();
	assert_ends(0);
}
END_TEST

START_TEST(worker_ends_where_nobody_says_hello)
{
	hang_up();
	assert_ends(1);
}
END_TEST

START_TEST(noise_ends_the_worker)
{
	char noise[4096];
	struct message message;
	bool ended;

	srand((unsigned)_i + 1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)rand();
	if (_i == 0)
		memset(noise, 0, sizeof(noise));
	if (_i == 1)
		memset(noise, 0xff, sizeof(noise));
	ck_assert_int_eq(send(caller, noise, sizeof(noise), MSG_NOSIGNAL), sizeof(noise));
	ck_assert_int_eq(protocol_receive(caller, PATIENCE_MS, &message, &ended),
		hrCommunicationError);
	message_free(&message);
	assert_ends(1);
}
END_TEST

/* Every byte of a good hello changed, one at a time: refused, or harmless. */
START_TEST(damaged_hello_is_answered_or_ends_the_worker)
{
	const struct hello hello = make_hello();
	struct message message;
	size_t at = (size_t)_i;
	bool ended;
	int how;

	protocol_put_hello(&body, &hello);
	if (at >= body.size)
		at = body.size - 1;
	body.data[at] ^= (char)0x81;
	send_message(MESSAGE_HELLO);
	if (!failed(protocol_receive(caller, PATIENCE_MS, &message, &ended)))
		ck_assert_uint_eq(message.type, MESSAGE_WELCOME);
	message_free(&message);
	hang_up();
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert_msg(WIFEXITED(how), "signal %d", WTERMSIG(how));
}
END_TEST

START_TEST(caller_of_another_version_is_told_both)
{
	static char old[] = "0.9.0";
	struct hello hello = make_hello();

	hello.version = old;
	assert_welcome(&hello, hrCommunicationError, "0.9.0");
	assert_ends(1);
}
END_TEST

START_TEST(caller_of_another_protocol_is_told)
{
	struct hello hello = make_hello();

	hello.protocol = 77;
	assert_welcome(&hello, hrCommunicationError, "protocol 77");
	assert_ends(1);
}
END_TEST

START_TEST(unknown_engine_is_named)
{
	static char engine[] = "oracle";
	struct hello hello = make_hello();

	hello.engine = engine;
	assert_welcome(&hello, STATUS_WIN32(ERROR_NOT_SUPPORTED), "oracle");
	assert_ends(1);
}
END_TEST

START_TEST(identity_that_is_none_is_refused)
{
	struct hello hello = make_hello();

	hello.uid = UINT32_MAX;
	assert_welcome(&hello,
		geteuid() == 0 ? STATUS_WIN32(ERROR_INVALID_PARAMETER)
			       : STATUS_WIN32(ERROR_ACCESS_DENIED),
		"4294967295");
	assert_ends(1);
}
END_TEST

START_TEST(requests_out_of_order_are_refused)
{
	const struct hello hello = make_hello();
	const struct engine_begin how = {0};

	assert_welcome(&hello, STATUS_OK, "");
	send_message(MESSAGE_DATABASES);
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE));
	protocol_put_begin(&body, &how); /* no spool came with the hello */
	send_message(MESSAGE_BEGIN);
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE));
	send_message(MESSAGE_LOGS); /* an engine that streams nothing */
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE));
	protocol_put_hello(&body, &hello); /* a second hello */
	send_message(MESSAGE_HELLO);
	assert_result(hrCommunicationError);
	assert_ends(1);
}
END_TEST

/* A worker for probing alone has no engine that a request could reach. */
START_TEST(worker_without_an_engine_does_nothing_but_probe)
{
	static const enum message_type types[] = {MESSAGE_BEGIN, MESSAGE_DATABASES,
		MESSAGE_LOGS, MESSAGE_OPEN, MESSAGE_CLOSE, MESSAGE_TRUNCATE,
		MESSAGE_RECOVER, MESSAGE_VERIFY};
	struct hello hello = make_hello();
	char automatic[] = "auto", none[] = "/nowhere", *paths[] = {none};
	const struct names probed = {.items = paths, .count = 1};
	struct names engines = {0};
	struct message message;

	hello.engine = automatic;
	assert_welcome(&hello, STATUS_OK, "");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		send_message(types[i]);
		assert_result(STATUS_WIN32(ERROR_INVALID_STATE));
	}
	protocol_put_names(&body, &probed);
	send_message(MESSAGE_PROBE);
	message = receive(MESSAGE_ENGINES);
	ck_assert_int_eq(protocol_get_engines(&message, &engines), STATUS_OK);
	ck_assert_uint_eq(engines.count, 1);
	ck_assert_str_eq(engines.items[0], "");
	assert_result(STATUS_OK);
	message_free(&message);
	names_free(&engines);
	hang_up();
	assert_ends(0);
}
END_TEST

START_TEST(spool_that_is_no_file_is_refused)
{
	const struct hello hello = make_hello();
	struct message message;
	struct welcome welcome;

	protocol_put_hello(&body, &hello);
	ck_assert_int_eq(protocol_send(caller, MESSAGE_HELLO, &body, caller), STATUS_OK);
	message = receive(MESSAGE_WELCOME);
	ck_assert_int_eq(protocol_get_welcome(&message, &welcome), STATUS_OK);
	ck_assert_int_eq(welcome.result.code, hrCommunicationError);
	welcome_free(&welcome);
	message_free(&message);
	assert_ends(1);
}
END_TEST

START_TEST(terminal_signals_do_not_reach_the_worker)
{
	ck_assert_int_eq(getpgid(pid), pid);
	ck_assert_int_ne(getpgid(0), pid);
	hang_up();
	assert_ends(1);
}
END_TEST

/* A check of a large database is given up when its caller is gone. */
START_TEST(check_ends_with_its_caller)
{
	const struct hello hello = make_hello();
	char *path = support_path(support_tmpdir(), "large.db");

	sqlite_run(path, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
			 "CREATE TABLE t(n INTEGER PRIMARY KEY, a, b, c);"
			 "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
			 "WHERE n < 1000000) INSERT INTO t SELECT n, random(), random(), "
			 "hex(zeroblob(50)) FROM c;"
			 "CREATE INDEX a ON t(a); CREATE INDEX b ON t(b)");
	assert_welcome(&hello, STATUS_OK, "");
	protocol_put_text(&body, path);
	send_message(MESSAGE_VERIFY);
	(void)usleep(50000);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = caller, .events = POLLIN}, 1, 0), 0);
	hang_up();
	/* Checked to its end it would take longer. */
	assert_ends(1);
	free(path);
}
END_TEST

/* A database that is mostly a hole, but takes seconds to copy page by page. */
static void make_hollow(const char *path)
{
	const uint64_t size = 3ull << 30;
	const uint32_t pages = htobe32((uint32_t)(size / 512));
	int fd;

	sqlite_run(path, "PRAGMA page_size = 512; CREATE TABLE t(n)");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(pwrite(fd, &pages, sizeof(pages), 28), sizeof(pages));
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(copy_ends_with_its_caller)
{
	const struct engine_begin how = {0};
	char *dir = support_tmpdir(), *spool = support_path(dir, "spool");
	char *path = support_path(dir, "hollow.db");
	struct hello hello = make_hello();
	struct message message;
	int fd = open(spool, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	make_hollow(path);
	hello.store.databases = (struct names){.items = &path, .count = 1};
	hello.store.spool_dir = dir;
	protocol_put_hello(&body, &hello);
	ck_assert_int_eq(protocol_send(caller, MESSAGE_HELLO, &body, fd), STATUS_OK);
	buffer_clear(&body);
	message = receive(MESSAGE_WELCOME);
	message_free(&message);
	protocol_put_begin(&body, &how);
	send_message(MESSAGE_BEGIN);
	(void)usleep(200000);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = caller, .events = POLLIN}, 1, 0), 0);
	hang_up();
	assert_ends(1);
	ck_assert_int_eq(close(fd), 0);
	free(spool);
	free(path);
}
END_TEST

START_TEST(started_by_hand_it_says_so)
{
	char program[4096];
	char *argv[] = {program, NULL};
	struct buffer output = {0};
	int exit_status;

	hang_up();
	assert_ends(1);
	(void)snprintf(program, sizeof(program), "%s/backupapi-worker",
		getenv("BACKUPAPI_LIBEXECDIR"));
	ck_assert_int_eq(process_run(argv, 10, &output, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 2);
	ck_assert_ptr_nonnull(output.data);
	ck_assert_ptr_nonnull(strstr(output.data, "not by hand"));
	buffer_free(&output);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serve");
	TCase *tcase = tcase_create("serve");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, worker_ends_with_the_connection);
	tcase_add_test(tcase, worker_ends_where_nobody_says_hello);
	tcase_add_loop_test(tcase, noise_ends_the_worker, 0, 10);
	tcase_add_loop_test(tcase, damaged_hello_is_answered_or_ends_the_worker, 0, 100);
	tcase_add_test(tcase, caller_of_another_version_is_told_both);
	tcase_add_test(tcase, caller_of_another_protocol_is_told);
	tcase_add_test(tcase, unknown_engine_is_named);
	tcase_add_test(tcase, identity_that_is_none_is_refused);
	tcase_add_test(tcase, requests_out_of_order_are_refused);
	tcase_add_test(tcase, worker_without_an_engine_does_nothing_but_probe);
	tcase_add_test(tcase, spool_that_is_no_file_is_refused);
	tcase_add_test(tcase, terminal_signals_do_not_reach_the_worker);
	tcase_add_test(tcase, check_ends_with_its_caller);
	tcase_add_test(tcase, copy_ends_with_its_caller);
	tcase_add_test(tcase, started_by_hand_it_says_so);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
