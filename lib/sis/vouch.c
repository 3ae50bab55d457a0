/*
 * The record: version, flags, size, mtime and ctime of the file when it was made, and the
 * SHA-256 of its reparse point. Hash and owner make a link vouched for; the times only
 * save reading the content again, so that a tool which sets times afterwards does not
 * unmake a link.
 */
#include "sis/vouch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_step.h"
#include "base/sha256.h"
#include "sis/extents.h"

#define BY_ROOT        "trusted.backupapi_sis"
#define BY_OWNER       "user.backupapi_sis"

#define RECORD_VERSION 1u
#define RECORD_FILLED  1u /* flag: the file had data */
#define HASH_AT        48u
#define RECORD_SIZE    (HASH_AT + SHA256_SIZE)

#define REPARSE_LIMIT  16392u /* NTFS has up to 16 KiB behind the header */
#define COMPARE_SIZE   ((size_t)128 * 1024)
#define CLOCK_TRIES    8

/* ---- the record ---- */

static void add_time(struct buffer *b, struct timespec time)
{
	buffer_u64(b, (uint64_t)time.tv_sec);
	buffer_u32(b, (uint32_t)time.tv_nsec);
}

/* Into B, which is empty. */
static void encode(struct buffer *b, const struct stat *st, struct timespec ctime,
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

struct record {
	uint8_t bytes[RECORD_SIZE];
	bool valid; /* vouches for the reparse point */
};

static bool read_record(int fd, const char *attribute, const uint8_t digest[SHA256_SIZE],
	struct record *record)
{
	static const uint8_t version[4] = {RECORD_VERSION};
	ssize_t size = fgetxattr(fd, attribute, record->bytes, RECORD_SIZE);

	return size == (ssize_t)RECORD_SIZE && memcmp(record->bytes, version, 4) == 0 &&
	       memcmp(record->bytes + HASH_AT, digest, SHA256_SIZE) == 0;
}

/* An attribute of `user.` can be written by whoever may write the file. */
static bool only_owner_writes(const struct store *store, const struct stat *st)
{
	return st->st_uid == store->owner && !(st->st_mode & 022);
}

bool vouch_could_be_honoured(const struct store *store, int fd, const struct stat *st)
{
	return only_owner_writes(store, st) || fgetxattr(fd, BY_ROOT, NULL, 0) >= 0;
}

static void find_record(const struct store *store, int fd, const struct link_state *state,
	struct record *record)
{
	uint8_t digest[SHA256_SIZE];

	sha256_bytes(state->buffer, REPARSE_SIZE, digest);
	record->valid = read_record(fd, BY_ROOT, digest, record) ||
			(only_owner_writes(store, &state->st) &&
				read_record(fd, BY_OWNER, digest, record));
}

/* Where extents can be shared, a file with others than its store file's has to be read,
 * whatever the times say; in memory file systems writing to a mapping changes none. */
static bool times_tell(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       ((unsigned long)fs.f_type == EXT4_SUPER_MAGIC ||
		       (unsigned long)fs.f_type == F2FS_SUPER_MAGIC);
}

/* Is the file as it was when the record was made? */
static bool is_current(
	int fd, const struct record *record, const struct link_state *state)
{
	struct buffer b = {0};
	bool current;

	if (!record->valid || !times_tell(fd))
		return false;
	encode(&b, &state->st, state->st.st_ctim, !state->bare, state->buffer);
	current = !buffer_failed(&b) && memcmp(b.data, record->bytes, RECORD_SIZE) == 0;
	buffer_free(&b);
	return current;
}

/* ---- intact ---- */

static status compare(int a, int b, const char *path, char *buffers, bool *equal)
{
	char *x = buffers, *y = buffers + COMPARE_SIZE;
	uint64_t offset = 0;
	size_t got_x, got_y;
	status rc;

	do {
		rc = file_pread(a, x, COMPARE_SIZE, offset, &got_x, path);
		if (!failed(rc))
			rc = file_pread(b, y, COMPARE_SIZE, offset, &got_y, path);
		if (failed(rc))
			return rc;
		*equal = got_x == got_y && memcmp(x, y, got_x) == 0;
		offset += got_x;
	} while (*equal && got_x == COMPARE_SIZE);
	return STATUS_OK;
}

status vouch_compare(int a, int b, const char *path, bool *equal)
{
	char *buffers = malloc(2 * COMPARE_SIZE);
	status rc;

	*equal = false;
	if (!buffers)
		return status_no_memory();
	rc = compare(a, b, path, buffers, equal);
	free(buffers);
	return rc;
}

static status check_content(const struct store *store, int fd, const char *name,
	const struct record *record, struct link_state *state)
{
	int store_fd;
	status rc = store_open_file(store, state->link.store_file, &store_fd);

	if (failed(rc))
		return rc;
	rc = extents_same(fd, store_fd, name, &state->intact);
	if (!failed(rc) && !state->intact)
		state->intact = is_current(fd, record, state);
	if (!failed(rc) && !state->intact)
		rc = vouch_compare(fd, store_fd, name, &state->intact);
	(void)close(store_fd);
	return rc;
}

/* A bare file that had data when the record was made was emptied since. */
static status check_intact(const struct store *store, int fd, const char *name,
	const struct record *record, const struct stat *store_st,
	struct link_state *state)
{
	if (state->store_file && store_st->st_size != state->st.st_size)
		return STATUS_OK;
	if (state->bare) {
		state->intact = !record->valid || !(record->bytes[4] & RECORD_FILLED);
		return STATUS_OK;
	}
	return state->store_file ? check_content(store, fd, name, record, state)
				 : STATUS_OK;
}

/* ---- looking ---- */

/* A store file that cannot be used counts as missing. */
static status find_store_file(
	const struct store *store, struct link_state *state, struct stat *st)
{
	status rc = store_stat(store, state->link.store_file, st);

	state->store_file = !failed(rc);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
		rc == STATUS_WIN32(ERROR_INVALID_DATA) ||
		rc == STATUS_WIN32(ERROR_ACCESS_DENIED))
		return STATUS_OK;
	return rc;
}

static status look_inside(const struct store *store, int fd, const char *name,
	const struct stat *store_st, struct link_state *state)
{
	struct record record;
	status rc;

	if (fstat(fd, &state->st))
		return status_errno(errno, "%s", name);
	if (!S_ISREG(state->st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT),
			"%s: is not a regular file", name);
	rc = extents_none(fd, name, &state->bare);
	if (failed(rc))
		return rc;
	find_record(store, fd, state, &record);
	state->vouched = record.valid;
	return check_intact(store, fd, name, &record, store_st, state);
}

static status look_at_posix(const struct store *store, int dirfd, const char *name,
	const struct stat *store_st, struct link_state *state)
{
	int fd = volume_open_regular(dirfd, name, O_RDONLY);
	status rc;

	if (fd < 0)
		return step_errno(errno, dirfd, name);
	rc = look_inside(store, fd, name, store_st, state);
	(void)close(fd);
	return rc;
}

/* Without a plug-in a link shows as a symbolic link: nothing can open it, and its size is
 * that of an invented target. */
static void look_at_ntfs(const struct stat *store_st, struct link_state *state)
{
	state->vouched = state->store_file;
	state->bare = state->st.st_blocks == 0;
	state->intact = state->bare && (S_ISLNK(state->st.st_mode) ||
					       store_st->st_size == state->st.st_size);
}

/* The first look after a reparse point was set may fail with EIO. */
static status stat_link(
	const struct store *store, int dirfd, const char *name, struct stat *st)
{
	int result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);

	if (result && errno == EIO)
		result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	if (result)
		return step_errno(errno, dirfd, name);
	if (S_ISREG(st->st_mode) ||
		(store->volume->kind == VOLUME_NTFS && S_ISLNK(st->st_mode)))
		return STATUS_OK;
	return step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
		"is not a regular file");
}

static status read_link(
	const struct store *store, int dirfd, const char *name, struct link_state *state)
{
	uint8_t buffer[REPARSE_LIMIT];
	size_t size;
	status rc = volume_get_reparse(
		store->volume, dirfd, name, buffer, sizeof(buffer), &size);

	if (failed(rc))
		return rc;
	if (size > sizeof(buffer))
		return step_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA), dirfd, name,
			"its reparse data is too long");
	rc = reparse_parse(buffer, size, &state->link);
	if (!failed(rc))
		memcpy(state->buffer, buffer, REPARSE_SIZE);
	return rc;
}

status vouch_look(
	const struct store *store, int dirfd, const char *name, struct link_state *state)
{
	struct stat store_st = {0};
	status rc;

	*state = (struct link_state){0};
	rc = stat_link(store, dirfd, name, &state->st);
	if (!failed(rc))
		rc = read_link(store, dirfd, name, state);
	if (!failed(rc))
		rc = find_store_file(store, state, &store_st);
	if (failed(rc))
		return rc;
	if (store->volume->kind == VOLUME_POSIX)
		return look_at_posix(store, dirfd, name, &store_st, state);
	look_at_ntfs(&store_st, state);
	return STATUS_OK;
}

bool vouch_is_link(const struct link_state *state)
{
	return state->vouched && state->intact;
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
	if (!only_owner_writes(store, st))
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

		encode(&b, st, ctime, filled, reparse);
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
