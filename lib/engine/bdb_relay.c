/* A page that was lent must not change before the reader has copied it: the pipe tells how
 * many bytes are unread (FIONREAD), and only what is read is used anew. This trick holds for
 * readers that read(), as ours does; one that passed pages on, by splice or tee, would see
 * them change. The ring is mapped, not allocated: when it is unmapped, pages that are still
 * in the pipe stay what they are. */
#include "engine/bdb_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"

enum { AHEAD = 1 << 20, PIPE_SIZE = 64 << 10, POLL_MS = 200 };

status bdb_relay_open(struct bdb_relay *relay, const struct hosted_engine *host, int pipe)
{
	int flags = fcntl(pipe, F_GETFL), capacity = fcntl(pipe, F_GETPIPE_SZ);
	void *ring;

	*relay = (struct bdb_relay){.host = host, .pipe = pipe, .wanted = true};
	if (flags < 0 || fcntl(pipe, F_SETFL, flags | O_NONBLOCK) < 0)
		return status_errno(errno, "store worker: pipe");
	/* More than the pipe holds: a full ring means a full pipe. */
	relay->size = (size_t)(capacity > 0 ? capacity : PIPE_SIZE) + AHEAD;
	ring = mmap(NULL, relay->size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED)
		return status_no_memory();
	relay->ring = ring;
	return STATUS_OK;
}

void bdb_relay_close(struct bdb_relay *relay)
{
	if (relay->ring)
		(void)munmap(relay->ring, relay->size);
	relay->ring = NULL;
}

/* ---- to the pipe ---- */

static ssize_t lend(struct bdb_relay *relay, unsigned char *bytes, size_t size)
{
	const struct iovec pages = {.iov_base = bytes, .iov_len = size};
	ssize_t n;

	if (!relay->copies) {
		n = vmsplice(relay->pipe, &pages, 1, SPLICE_F_NONBLOCK);
		if (n >= 0 || (errno != EINVAL && errno != ENOSYS && errno != EBADF &&
				      errno != EPERM))
			return n;
		relay->copies = true;
	}
	return write(relay->pipe, bytes, size);
}

/* As much as the pipe takes now. */
static status push(struct bdb_relay *relay)
{
	while (relay->lent < relay->put && relay->wanted) {
		const size_t at = (size_t)(relay->lent % relay->size);
		const uint64_t left = relay->put - relay->lent;
		const size_t n =
			left < relay->size - at ? (size_t)left : relay->size - at;
		const ssize_t given = lend(relay, relay->ring + at, n);

		if (given > 0)
			relay->lent += (uint64_t)given;
		else if (given < 0 && errno == EPIPE)
			relay->wanted = false;
		else if (given < 0 && errno == EAGAIN)
			return STATUS_OK;
		else if (given < 0 && errno != EINTR)
			return status_errno(errno, "store worker: pipe");
	}
	return STATUS_OK;
}

static size_t room(const struct bdb_relay *relay)
{
	int unread = 0;

	if (!relay->copies && ioctl(relay->pipe, FIONREAD, &unread) < 0)
		unread = (int)(relay->size < INT32_MAX ? relay->size : INT32_MAX);
	return relay->size -
	       (size_t)(relay->put - relay->lent + (uint64_t)(unread > 0 ? unread : 0));
}

/* Until the pipe has room, or for a while; a dead caller's end of the pipe may live on in a
 * child of his. */
static status wait_for_reader(struct bdb_relay *relay, int ms)
{
	struct pollfd poller = {.fd = relay->pipe, .events = POLLOUT};
	const int n = poll(&poller, 1, ms < POLL_MS ? ms : POLL_MS);

	if (n < 0 && errno != EINTR)
		return status_errno(errno, "store worker: pipe");
	if (n > 0 && (poller.revents & (POLLERR | POLLNVAL)))
		relay->wanted = false;
	else if (n <= 0 && relay->host->caller_gone(relay->host->context))
		relay->wanted = false;
	return relay->wanted ? push(relay) : STATUS_OK;
}

/* ---- into the ring ---- */

static void copy_in(struct bdb_relay *relay, const unsigned char *data, size_t size)
{
	const size_t at = (size_t)(relay->put % relay->size);
	const size_t first = size < relay->size - at ? size : relay->size - at;

	memcpy(relay->ring + at, data, first);
	memcpy(relay->ring, data + first, size - first);
	relay->put += size;
}

status bdb_relay_put(struct bdb_relay *relay, const void *data, size_t size,
	int patience_ms, size_t *taken)
{
	const int64_t until = clock_now_ms() + patience_ms;
	status rc = push(relay);

	*taken = 0;
	while (*taken < size && relay->wanted && !failed(rc)) {
		const size_t free_bytes = room(relay);
		const size_t left = size - *taken;
		const size_t n = left < free_bytes ? left : free_bytes;
		const int64_t now = clock_now_ms();

		if (n) {
			copy_in(relay, (const unsigned char *)data + *taken, n);
			*taken += n;
			rc = push(relay);
		} else if (now >= until) {
			break;
		} else {
			rc = wait_for_reader(relay, (int)(until - now));
		}
	}
	return rc;
}

unsigned char *bdb_relay_reserve(struct bdb_relay *relay, size_t size)
{
	const size_t at = (size_t)(relay->put % relay->size);

	return size <= relay->size - at && size <= room(relay) ? relay->ring + at : NULL;
}

status bdb_relay_commit(struct bdb_relay *relay, size_t size)
{
	relay->put += size;
	return push(relay);
}

status bdb_relay_await(struct bdb_relay *relay)
{
	status rc = STATUS_OK;

	while (relay->wanted && !failed(rc) && room(relay) < AHEAD)
		rc = wait_for_reader(relay, POLL_MS);
	return rc;
}

status bdb_relay_finish(struct bdb_relay *relay)
{
	status rc = push(relay);

	while (relay->wanted && !failed(rc) && relay->lent < relay->put)
		rc = wait_for_reader(relay, POLL_MS);
	return rc;
}
