/* Whole messages over a socket. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/protocol.h"
#include "support.h"

static struct buffer body;
static int ends[2];

static void setup(void)
{
	body = (struct buffer){0};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void teardown(void)
{
	buffer_free(&body);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

START_TEST(message_arrives_with_its_descriptor)
{
	char *path = support_path(support_tmpdir(), "file");
	struct stat sent, got;
	struct message message;
	bool ended;
	int fd;

	support_write(path, "x");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	protocol_put_text(&body, "/some/path");
	ck_assert_int_eq(protocol_send(ends[0], MESSAGE_VERIFY, &body, fd), STATUS_OK);
	ck_assert_int_eq(protocol_receive(ends[1], 1000, &message, &ended), STATUS_OK);
	ck_assert(!ended);
	ck_assert_uint_eq(message.type, MESSAGE_VERIFY);
	ck_assert_uint_eq(message.size, body.size);
	ck_assert_int_eq(memcmp(message.data, body.data, body.size), 0);
	ck_assert_int_eq(fstat(fd, &sent), 0);
	ck_assert_int_eq(fstat(message.fd, &got), 0);
	ck_assert_uint_eq(sent.st_ino, got.st_ino);
	ck_assert_int_eq(fcntl(message.fd, F_GETFD), FD_CLOEXEC);
	fd = (close(fd), message.fd);
	message_free(&message);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	free(path);
}
END_TEST

static void *send_body(void *context)
{
	return protocol_send(ends[0], MESSAGE_INDEX, context, -1) == STATUS_OK ? context
									       : NULL;
}

START_TEST(message_of_the_largest_size_arrives)
{
	struct message message;
	pthread_t thread;
	void *sent;
	bool ended;

	body.data = malloc(PROTOCOL_MESSAGE_LIMIT + 2);
	ck_assert_ptr_nonnull(body.data);
	memset(body.data, 0x5a, PROTOCOL_MESSAGE_LIMIT + 2);
	body.size = body.capacity = PROTOCOL_MESSAGE_LIMIT;
	ck_assert_int_eq(pthread_create(&thread, NULL, send_body, &body), 0);
	ck_assert_int_eq(protocol_receive(ends[1], -1, &message, &ended), STATUS_OK);
	ck_assert_int_eq(pthread_join(thread, &sent), 0);
	ck_assert_ptr_eq(sent, &body);
	ck_assert_uint_eq(message.size, PROTOCOL_MESSAGE_LIMIT);
	ck_assert_int_eq(memcmp(message.data, body.data, message.size), 0);
	message_free(&message);
	body.size++;
	ck_assert_int_eq(protocol_send(ends[0], MESSAGE_INDEX, &body, -1),
		STATUS_WIN32(ERROR_INVALID_PARAMETER));
}
END_TEST

START_TEST(noise_is_no_message)
{
	static const unsigned char headers[][8] = {
		{0, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0, 99, 0, 0, 0},
		{1, 0, 0, 1, MESSAGE_RESULT, 0, 0, 0},
		{0xff, 0xff, 0xff, 0xff, MESSAGE_RESULT, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct message message;
		bool ended;

		ck_assert_int_eq(send(ends[0], headers[i], 8, 0), 8);
		ck_assert_int_eq(protocol_receive(ends[1], 1000, &message, &ended),
			hrCommunicationError);
		ck_assert(!ended);
		message_free(&message);
	}
}
END_TEST

START_TEST(end_between_messages_differs_from_end_within_one)
{
	struct message message;
	bool ended;

	ck_assert_int_eq(send(ends[0], "\4\0\0\0\1\0\0\0ab", 10, 0), 10);
	ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
	ck_assert_int_eq(
		protocol_receive(ends[1], -1, &message, &ended), hrCommunicationError);
	ck_assert(!ended);
	message_free(&message);
	ck_assert_int_eq(
		protocol_receive(ends[1], -1, &message, &ended), hrCommunicationError);
	ck_assert(ended);
	message_free(&message);
}
END_TEST

START_TEST(silence_ends_at_the_timeout)
{
	struct message message;
	bool ended;

	ck_assert_int_eq(
		protocol_receive(ends[1], 50, &message, &ended), hrCommunicationError);
	ck_assert(!ended);
	message_free(&message);
}
END_TEST

START_TEST(sending_to_nobody_is_an_error_and_no_signal)
{
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert(protocol_peer_gone(ends[0]));
	ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	ck_assert_int_eq(protocol_send(ends[0], MESSAGE_DATABASES, &body, -1),
		hrCommunicationError);
	ends[1] = -1;
}
END_TEST

START_TEST(peer_is_gone_only_once_it_is)
{
	ck_assert(!protocol_peer_gone(ends[0]));
	ck_assert_int_eq(protocol_send(ends[1], MESSAGE_DATABASES, &body, -1), STATUS_OK);
	ck_assert(!protocol_peer_gone(ends[0]));
	ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
	ck_assert(protocol_peer_gone(ends[0]));
}
END_TEST

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	return count;
}

START_TEST(surplus_descriptors_are_refused_and_closed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	int before = open_descriptors();
	const int fds[3] = {ends[0], ends[0], ends[0]};
	char text[] = "\0\0\0\0\4\0\0\0";
	struct iovec part = {.iov_base = text, .iov_len = 8};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct message message;
	bool ended;

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	ck_assert_int_eq(sendmsg(ends[0], &header, 0), 8);
	ck_assert_int_eq(
		protocol_receive(ends[1], 1000, &message, &ended), hrCommunicationError);
	message_free(&message);
	if (!support_lacks("closing-of-surplus-descriptors"))
		ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tcase = tcase_create("message");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, message_arrives_with_its_descriptor);
	tcase_add_test(tcase, message_of_the_largest_size_arrives);
	tcase_add_test(tcase, noise_is_no_message);
	tcase_add_test(tcase, end_between_messages_differs_from_end_within_one);
	tcase_add_test(tcase, silence_ends_at_the_timeout);
	tcase_add_test(tcase, sending_to_nobody_is_an_error_and_no_signal);
	tcase_add_test(tcase, peer_is_gone_only_once_it_is);
	tcase_add_test(tcase, surplus_descriptors_are_refused_and_closed);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
