/* Making the record, last of all: it says when it was made itself. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_step.h"
#include "sis/extents.h"
#include "sis/vouch_encode.h"

#define CLOCK_TRIES 8

/* ---- its bytes ---- */

static void add_time(struct buffer *b, struct timespec time)
{
	buffer_u64(b, (uint64_t)time.tv_sec);
	buffer_u32(b, (uint32_t)time.tv_nsec);
}

void vouch_encode(struct buffer *b, const struct stat *st, struct timespec ctime,
	bool filled, const uint8_t reparse[REPARSE_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	buffer_u32(b, RECORD_VERSION);
	buffer_u32(b, filled ? RECORD_FILLED : 0);
	buffer_u64(b, (uint64_t)st->st_size);
	add_time(b, st->st_mtim);
	add_time(b, ctime);
	buffer_u64(b, 0);
	sha256_bytes(reparse, REPARSE_SIZE, digest);
	buffer_add(b, digest, sizeof(digest));
}

/* ---- recording ---- */

/* Root's way first; where the kernel gives it none (a container, a file system), the
 * owner's. 0 or an errno. */
static int write_record(const struct store *store, int fd, const struct stat *st,
	const struct buffer *record)
{
	int err;

	if (step_set_attribute(fd, BY_ROOT, record->data, record->size) == 0)
		return 0;
	err = errno;
	if (err != EPERM && err != ENOTSUP)
		return err;
	if (!vouch_only_owner_writes(store, st))
		return ENOTSUP;
	return step_set_attribute(fd, BY_OWNER, record->data, record->size) ? errno : 0;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* What the next change on this file system will have as its ctime. Kernels give out the
 * time of their last tick, or, where that is not later than what somebody saw (NOW),
 * a finer one, below which no later change will be. So the lock file's is brought beyond
 * NOW: the next file gets the same. */
static bool predict_ctime(
	const struct store *store, struct timespec now, struct timespec *ctime)
{
	struct stat st;

	for (int tries = 0; tries < CLOCK_TRIES; tries++) {
		if (store->lock.fd < 0 || futimens(store->lock.fd, NULL) ||
			fstat(store->lock.fd, &st))
			return false;
		*ctime = st.st_ctim;
		if (is_later(*ctime, now))
			break;
	}
	return true;
}

/* Where the ctime is missed the record still vouches; telling whether the link is intact
 * then takes reading it. */
static int record_in_time(const struct store *store, int fd, struct stat *st, bool filled,
	const uint8_t reparse[REPARSE_SIZE])
{
	for (int tries = 0; tries < CLOCK_TRIES; tries++) {
		struct timespec ctime = st->st_ctim;
		const bool predicted = predict_ctime(store, st->st_ctim, &ctime);
		struct buffer b = {0};
		int err;

		vouch_encode(&b, st, ctime, filled, reparse);
		err = buffer_failed(&b) ? ENOMEM : write_record(store, fd, st, &b);
		buffer_free(&b);
		if (!err && fstat(fd, st))
			err = errno;
		if (err || !predicted || same_time(st->st_ctim, ctime))
			return err;
	}
	return 0;
}

status vouch_record(const struct store *store, int fd, const char *path,
	const uint8_t reparse[REPARSE_SIZE])
{
	struct stat st;
	bool none;
	status rc;
	int err;

	if (store->volume->kind == VOLUME_NTFS)
		return STATUS_OK;
	if (fstat(fd, &st))
		return status_errno(errno, "%s", path);
	rc = extents_none(fd, path, &none);
	if (failed(rc))
		return rc;
	err = record_in_time(store, fd, &st, !none, reparse);
	if (err == ENOTSUP)
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: cannot be vouched for as a link: this process cannot write "
			"root's attributes, and the file is not the store's owner's "
			"alone",
			path);
	return err ? status_errno(err, "%s: recording it as a link", path) : STATUS_OK;
}

/* EPERM: root's, which this process cannot see either. */
status vouch_forget(int fd, const char *path)
{
	if (step_remove_attribute(fd, BY_ROOT) && errno != ENODATA && errno != ENOTSUP &&
		errno != EPERM)
		return status_errno(errno, "%s", path);
	if (step_remove_attribute(fd, BY_OWNER) && errno != ENODATA && errno != ENOTSUP)
		return status_errno(errno, "%s", path);
	return STATUS_OK;
}
