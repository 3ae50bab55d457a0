/* The worker's side of streaming, against callers that misbehave. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "engine/protocol.h"
#include "stream_store.h"

enum { PATIENCE_MS = 5000, LARGE = 5 << 20, ODD = 70001 };

static struct stream_store store;
static int caller;
static pid_t pid;
static struct buffer body;

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

static void assert_result(status code, const char *detail)
{
	struct message message = receive(MESSAGE_RESULT);
	struct result result;

	ck_assert_int_eq(protocol_get_result(&message, &result), STATUS_OK);
	ck_assert_msg(result.code == code, "%s", result.detail);
	ck_assert_msg(strstr(result.detail, detail) != NULL, "%s", result.detail);
	free(result.detail);
	message_free(&message);
}

static void assert_out_of_order(enum message_type type)
{
	send_message(type);
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE), "store worker");
}

static void say_hello(int spool)
{
	static char version[] = BACKUPAPI_VERSION, engine[] = "streamer";
	const struct hello hello = {.protocol = PROTOCOL_VERSION,
		.version = version,
		.engine = engine,
		.uid = geteuid(),
		.gid = getegid(),
		.store = store.config};
	struct message message;

	protocol_put_hello(&body, &hello);
	ck_assert_int_eq(protocol_send(caller, MESSAGE_HELLO, &body, spool), STATUS_OK);
	buffer_clear(&body);
	message = receive(MESSAGE_WELCOME);
	message_free(&message);
}

static void ask_begin(void)
{
	const struct engine_begin how = {0};

	protocol_put_begin(&body, &how);
	send_message(MESSAGE_BEGIN);
}

static void setup(void)
{
	char program[4096];
	char *argv[] = {program, NULL};
	int ends[2];

	body = (struct buffer){0};
	stream_store_make(&store);
	(void)snprintf(program, sizeof(program), "%s/backupapi-worker",
		getenv("BACKUPAPI_LIBEXECDIR"));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_msg(
		process_start(argv, ends[1], &pid) == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(close(ends[1]), 0);
	caller = ends[0];
}

static void setup_session(void)
{
	setup();
	say_hello(-1);
	ask_begin();
	assert_result(STATUS_OK, "");
}

static void teardown(void)
{
	buffer_free(&body);
	stream_store_free(&store);
	if (caller >= 0)
		(void)close(caller);
	(void)waitpid(pid, NULL, 0);
}

static void ask_open(const char *path)
{
	char *copy = strdup(path);
	const struct engine_file file = {.path = copy, .kind = ENGINE_DATABASE};

	protocol_put_open(&body, &file);
	send_message(MESSAGE_OPEN);
	free(copy);
}

/* The descriptor that came with the answer. */
static int assert_opened(uint64_t size, bool is_pipe)
{
	struct message message = receive(MESSAGE_OPENED);
	struct opened opened;
	struct stat st;
	int fd = message.fd;

	ck_assert_int_eq(protocol_get_opened(&message, &opened), STATUS_OK);
	ck_assert_uint_eq(opened.size, size);
	ck_assert(opened.pipe == is_pipe);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(is_pipe ? S_ISFIFO(st.st_mode) : S_ISREG(st.st_mode));
	message.fd = -1;
	message_free(&message);
	return fd;
}

static void hang_up(void)
{
	ck_assert_int_eq(close(caller), 0);
	caller = -1;
}

/* Reads FD to its end. */
static size_t drain(int fd)
{
	static char some[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, some, sizeof(some))) > 0)
		all += (size_t)n;
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(close(fd), 0);
	return all;
}

/* ---- order ---- */

START_TEST(nothing_is_streamed_without_a_session)
{
	char *path = stream_make(store.home, "db.a", 1);
	const struct engine_file file = {.path = path};

	say_hello(-1);
	assert_out_of_order(MESSAGE_DATABASES);
	assert_out_of_order(MESSAGE_LOGS);
	assert_out_of_order(MESSAGE_CLOSE);
	buffer_u32(&body, 1);
	assert_out_of_order(MESSAGE_TRUNCATE);
	protocol_put_open(&body, &file);
	assert_out_of_order(MESSAGE_OPEN);
	free(path);
}
END_TEST

START_TEST(a_session_that_streams_takes_no_spool)
{
	char *path = stream_make(store.log_dir, "spool", 0);
	int spool = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(spool, 0);
	say_hello(spool);
	ask_begin();
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE), "spool");
	ck_assert_int_eq(close(spool), 0);
	free(path);
}
END_TEST

START_TEST(a_second_session_is_refused)
{
	ask_begin();
	assert_result(STATUS_WIN32(ERROR_INVALID_STATE), "one session");
}
END_TEST

START_TEST(with_a_file_open_nothing_but_close_is_possible)
{
	char *path = stream_make(store.home, "db.plain", ODD);
	const struct engine_file file = {.path = path};
	int fd;

	ask_open(path);
	fd = assert_opened(ODD, false);
	assert_result(STATUS_OK, "");
	assert_out_of_order(MESSAGE_DATABASES);
	assert_out_of_order(MESSAGE_LOGS);
	protocol_put_open(&body, &file);
	assert_out_of_order(MESSAGE_OPEN);
	buffer_u32(&body, 1);
	assert_out_of_order(MESSAGE_TRUNCATE);
	send_message(MESSAGE_CLOSE);
	assert_result(STATUS_OK, "");
	assert_out_of_order(MESSAGE_CLOSE);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(malformed_requests_end_the_worker)
{
	static const enum message_type types[] = {
		MESSAGE_LOGS, MESSAGE_OPEN, MESSAGE_CLOSE, MESSAGE_TRUNCATE};

	buffer_add(&body, "rubbish", 7);
	send_message(types[_i]);
	assert_result(hrCommunicationError, "malformed");
	stream_assert_noted(&store, "ended");
}
END_TEST

/* ---- streaming ---- */

START_TEST(pipe_is_filled_after_the_result_and_ends_with_the_file)
{
	char *path = stream_make(store.home, "db.a", LARGE);
	int fd;

	ask_open(path);
	fd = assert_opened(LARGE, true);
	assert_result(STATUS_OK, "");
	ck_assert_int_eq(fcntl(fd, F_GETPIPE_SZ), 1 << 20);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_uint_eq(drain(fd), LARGE);
	send_message(MESSAGE_CLOSE);
	assert_result(STATUS_OK, "");
	stream_assert_noted(&store, "closed");
	free(path);
}
END_TEST

START_TEST(failure_is_told_at_close_and_only_there)
{
	char *path = stream_make(store.home, "db.bad", ODD);
	int fd;

	for (int i = 0; i < 2; i++) {
		ask_open(path);
		fd = assert_opened(ODD, true);
		assert_result(STATUS_OK, "");
		ck_assert_uint_eq(drain(fd), ODD / 2);
		send_message(MESSAGE_CLOSE);
		assert_result(hrDatabaseCorrupted, "page 7 is bad");
	}
	free(path);
}
END_TEST

START_TEST(closed_pipe_frees_the_worker_for_the_next_request)
{
	char *path = stream_make(store.home, "db.a", LARGE);

	ask_open(path);
	ck_assert_int_eq(close(assert_opened(LARGE, true)), 0);
	assert_result(STATUS_OK, "");
	send_message(MESSAGE_CLOSE);
	assert_result(STATUS_OK, "");
	send_message(MESSAGE_LOGS);
	assert_result(STATUS_OK, "");
	free(path);
}
END_TEST

/* The descriptor is on its way when nobody is there any more to take it. */
START_TEST(caller_that_hangs_up_without_an_answer_ends_the_session)
{
	char *path = stream_make(store.home, "db.a", LARGE);

	ask_open(path);
	hang_up();
	stream_assert_noted(&store, "ended");
	free(path);
}
END_TEST

START_TEST(caller_that_keeps_the_pipe_but_hangs_up_ends_the_session)
{
	char *path = stream_make(store.home, "db.a", LARGE);
	int fd;

	ask_open(path);
	fd = assert_opened(LARGE, true);
	assert_result(STATUS_OK, "");
	(void)usleep(50000);
	hang_up();
	stream_assert_noted(&store, "closed");
	stream_assert_noted(&store, "ended");
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(requests_sent_ahead_are_answered_in_order)
{
	char *path = stream_make(store.home, "db.a", ODD);
	int fd;

	ask_open(path);
	send_message(MESSAGE_CLOSE);
	ask_open(path);
	fd = assert_opened(ODD, true);
	assert_result(STATUS_OK, "");
	ck_assert_uint_eq(drain(fd), ODD);
	assert_result(STATUS_OK, "");
	fd = assert_opened(ODD, true);
	assert_result(STATUS_OK, "");
	ck_assert_uint_eq(drain(fd), ODD);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serve_stream");
	TCase *order = tcase_create("order"), *tc = tcase_create("session");

	tcase_add_checked_fixture(order, setup, teardown);
	tcase_set_timeout(order, 60);
	tcase_add_test(order, nothing_is_streamed_without_a_session);
	tcase_add_test(order, a_session_that_streams_takes_no_spool);
	suite_add_tcase(suite, order);
	tcase_add_checked_fixture(tc, setup_session, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_second_session_is_refused);
	tcase_add_test(tc, with_a_file_open_nothing_but_close_is_possible);
	tcase_add_loop_test(tc, malformed_requests_end_the_worker, 0, 4);
	tcase_add_test(tc, pipe_is_filled_after_the_result_and_ends_with_the_file);
	tcase_add_test(tc, failure_is_told_at_close_and_only_there);
	tcase_add_test(tc, closed_pipe_frees_the_worker_for_the_next_request);
	tcase_add_test(tc, caller_that_hangs_up_without_an_answer_ends_the_session);
	tcase_add_test(tc, caller_that_keeps_the_pipe_but_hangs_up_ends_the_session);
	tcase_add_test(tc, requests_sent_ahead_are_answered_in_order);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
