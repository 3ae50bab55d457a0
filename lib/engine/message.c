/* Whole messages over a stream socket, with a descriptor where one goes along. */
#include "engine/protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_SIZE = 8 };

/* Room for one descriptor, aligned as the macros want it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static status lost(int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK)
		return status_fail(hrCommunicationError,
			"store worker: nothing was heard for %d seconds",
			PROTOCOL_STALL_SECONDS);
	return status_fail(
		hrCommunicationError, "store worker: %s", strerrordesc_np(err));
}

/* One sendmsg of the rest; the descriptor goes with the first byte. */
static ssize_t send_some(int socket, struct iovec parts[2], int fd)
{
	union control control = {0};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	if (fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL);
}

static void advance(struct iovec parts[2], size_t sent)
{
	for (int i = 0; i < 2; i++) {
		size_t n = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		if (n == 0)
			continue; /* an empty body has no address to count from */
		parts[i].iov_base = (char *)parts[i].iov_base + n;
		parts[i].iov_len -= n;
		sent -= n;
	}
}

static void put_u32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static uint32_t read_u32(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

status protocol_send(
	int socket, enum message_type type, const struct buffer *body, int fd)
{
	unsigned char header[HEADER_SIZE];
	struct iovec parts[2] = {{.iov_base = header, .iov_len = HEADER_SIZE},
		{.iov_base = body->data, .iov_len = body->size}};

	if (buffer_failed(body))
		return status_no_memory();
	if (body->size > PROTOCOL_MESSAGE_LIMIT)
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"store worker: a message of %zu bytes is too long", body->size);
	put_u32(header, (uint32_t)body->size);
	put_u32(header + 4, (uint32_t)type);
	while (parts[0].iov_len || parts[1].iov_len) {
		ssize_t n = send_some(socket, parts, fd);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lost(errno);
		fd = -1;
		advance(parts, (size_t)n);
	}
	return STATUS_OK;
}

/* Keeps the first descriptor that arrives; a second one is refused. */
static bool keep_descriptors(struct msghdr *header, int *fd)
{
	bool fine = !(header->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (*fd < 0) {
				*fd = got;
			} else {
				(void)close(got);
				fine = false;
			}
		}
	}
	return fine;
}

/* All SIZE bytes. The stream's end ahead of the first one sets *ENDED if that is given.
 */
static status receive_all(
	int socket, unsigned char *data, size_t size, int *fd, bool *ended)
{
	size_t done = 0;

	while (done < size) {
		union control control;
		struct iovec part = {.iov_base = data + done, .iov_len = size - done};
		struct msghdr header = {.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lost(errno);
		if (n == 0) {
			if (ended && done == 0)
				*ended = true;
			return status_fail(hrCommunicationError,
				"store worker: the connection was closed");
		}
		if (!keep_descriptors(&header, fd))
			return status_fail(hrCommunicationError,
				"store worker: more descriptors than expected");
		done += (size_t)n;
	}
	return STATUS_OK;
}

static status await_data(int socket, int timeout_ms)
{
	struct pollfd poller = {.fd = socket, .events = POLLIN};
	int n;

	do
		n = poll(&poller, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return lost(errno);
	return n > 0 ? STATUS_OK : lost(EAGAIN);
}

status protocol_receive(int socket, int timeout_ms, struct message *message, bool *ended)
{
	unsigned char header[HEADER_SIZE];
	uint32_t size;
	status rc;

	*message = (struct message){.fd = -1};
	*ended = false;
	rc = await_data(socket, timeout_ms);
	if (!failed(rc))
		rc = receive_all(socket, header, HEADER_SIZE, &message->fd, ended);
	if (failed(rc))
		return rc;
	size = read_u32(header);
	message->type = read_u32(header + 4);
	if (size > PROTOCOL_MESSAGE_LIMIT || message->type < MESSAGE_HELLO ||
		message->type > MESSAGE_RESULT)
		return status_fail(hrCommunicationError, "store worker: not a message");
	message->data = malloc(size ? size : 1);
	if (!message->data)
		return status_no_memory();
	message->size = size;
	return receive_all(socket, message->data, size, &message->fd, NULL);
}

void message_free(struct message *message)
{
	free(message->data);
	if (message->fd >= 0)
		(void)close(message->fd);
	*message = (struct message){.fd = -1};
}

bool protocol_peer_gone(int socket)
{
	struct pollfd poller = {.fd = socket, .events = POLLRDHUP};

	return poll(&poller, 1, 0) > 0 &&
	       (poller.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}
