/*
 * Looking at links: hash and owner of the record make a link vouched for; its times only
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

#include "base/file.h"
#include "base/file_step.h"
#include "base/sha256.h"
#include "sis/extents.h"
#include "sis/vouch_encode.h"

#define REPARSE_LIMIT 16392u /* NTFS has up to 16 KiB behind the header */
#define COMPARE_SIZE  ((size_t)128 * 1024)

/* ---- the record ---- */

struct record {
	uint8_t bytes[RECORD_SIZE];
	bool valid; /* vouches for the reparse point */
	bool marked;
};

_Static_assert(RECORD_SIZE == MARK_SIZE, "one is read where the other may stand");

static bool read_record(int fd, const char *attribute, const uint8_t digest[SHA256_SIZE],
	struct record *record)
{
	static const uint8_t version[4] = {RECORD_VERSION};
	ssize_t size = fgetxattr(fd, attribute, record->bytes, RECORD_SIZE);

	record->marked |= vouch_is_mark(record->bytes, size);
	return size == (ssize_t)RECORD_SIZE && memcmp(record->bytes, version, 4) == 0 &&
	       memcmp(record->bytes + HASH_AT, digest, SHA256_SIZE) == 0;
}

bool vouch_only_owner_writes(const struct store *store, const struct stat *st)
{
	return st->st_uid == store->owner && !(st->st_mode & 022);
}

bool vouch_could_be_honoured(const struct store *store, int fd, const struct stat *st)
{
	return vouch_only_owner_writes(store, st) || fgetxattr(fd, BY_ROOT, NULL, 0) >= 0;
}

static void find_record(const struct store *store, int fd, const struct link_state *state,
	struct record *record)
{
	struct record by_root = {0}, by_owner = {0};
	uint8_t digest[SHA256_SIZE];

	sha256_bytes(state->buffer, REPARSE_SIZE, digest);
	by_root.valid = read_record(fd, BY_ROOT, digest, &by_root);
	by_owner.valid = read_record(fd, BY_OWNER, digest, &by_owner) &&
			 vouch_only_owner_writes(store, &state->st);
	*record = by_root.valid ? by_root : by_owner;
	record->marked = by_root.marked || by_owner.marked;
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

	if (!record->valid || record->marked || !times_tell(fd))
		return false;
	vouch_encode(&b, &state->st, state->st.st_ctim, !state->bare, state->buffer);
	current = !buffer_failed(&b) && memcmp(b.data, record->bytes, RECORD_SIZE) == 0;
	buffer_free(&b);
	return current;
}

/* ---- intact ---- */

static bool is_equal(const char *a, const char *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

static bool is_part_of(const char *a, const char *b, size_t size)
{
	size_t i = 0;

	if (is_equal(a, b, size))
		return true;
	while (i < size && (a[i] == b[i] || a[i] == 0))
		i++;
	return i == size;
}

typedef bool (*comparer)(const char *a, const char *b, size_t size);

static status compare(
	int a, int b, const char *path, comparer fits, char *buffers, bool *equal)
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
		*equal = got_x == got_y && fits(x, y, got_x);
		offset += got_x;
	} while (*equal && got_x == COMPARE_SIZE);
	return STATUS_OK;
}

static status compare_files(int a, int b, const char *path, comparer fits, bool *equal)
{
	char *buffers = malloc(2 * COMPARE_SIZE);
	status rc;

	*equal = false;
	if (!buffers)
		return status_no_memory();
	rc = compare(a, b, path, fits, buffers, equal);
	free(buffers);
	return rc;
}

status vouch_compare(int a, int b, const char *path, bool *equal)
{
	return compare_files(a, b, path, is_equal, equal);
}

status vouch_compare_part(int part, int whole, const char *path, bool *is_part)
{
	return compare_files(part, whole, path, is_part_of, is_part);
}

static status check_content(const struct store *store, int fd, const char *name,
	const struct record *record, struct link_state *state)
{
	int store_fd;
	status rc = store_open_found(store, state->link.store_file, &store_fd);

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

/* state->st is FD's. */
static status look_inside(const struct store *store, int fd, const char *name,
	const struct stat *store_st, struct link_state *state)
{
	struct record record;
	status rc = extents_none(fd, name, &state->bare);

	if (failed(rc))
		return rc;
	find_record(store, fd, state, &record);
	rc = check_intact(store, fd, name, &record, store_st, state);
	state->unfinished = record.marked && (state->bare || !state->intact);
	state->vouched = record.valid && !state->unfinished;
	return rc;
}

static status look_at_posix(const struct store *store, int dirfd, const char *name,
	const struct stat *store_st, struct link_state *state)
{
	int fd = volume_open_regular(dirfd, name, O_RDONLY);
	status rc;

	if (fd < 0)
		return step_errno(errno, dirfd, name);
	if (fstat(fd, &state->st))
		rc = step_errno(errno, dirfd, name);
	else if (!S_ISREG(state->st.st_mode))
		rc = step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
			"is not a regular file");
	else
		rc = look_inside(store, fd, name, store_st, state);
	(void)close(fd);
	return rc;
}

static bool is_readable(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY;
}

static status look_at_open(const struct store *store, int fd, const char *path,
	const struct stat *store_st, struct link_state *state)
{
	int other;
	status rc;

	if (is_readable(fd))
		return look_inside(store, fd, path, store_st, state);
	other = volume_open_again(fd, O_RDONLY);
	if (other < 0)
		return status_errno(errno, "%s", path);
	rc = look_inside(store, other, path, store_st, state);
	(void)close(other);
	return rc;
}

/* Without a plug-in a link shows as a symbolic link: nothing can open it, and its size is
 * that of an invented target. */
static void look_at_ntfs(const struct stat *store_st, struct link_state *state)
{
	state->vouched = state->store_file && !state->unfinished;
	state->bare = state->st.st_blocks == 0;
	state->intact = state->bare && (S_ISLNK(state->st.st_mode) ||
					       store_st->st_size == state->st.st_size);
}

static bool can_be_link(const struct store *store, const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	       (store->volume->kind == VOLUME_NTFS && S_ISLNK(st->st_mode));
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
	if (can_be_link(store, st))
		return STATUS_OK;
	return step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
		"is not a regular file");
}

static status parse_link(const uint8_t buffer[REPARSE_LIMIT], size_t size,
	const char *name, struct link_state *state)
{
	status rc;

	if (size > REPARSE_LIMIT)
		return status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
			"%s: its reparse data is too long", name);
	rc = reparse_parse(buffer, size, &state->link);
	if (!failed(rc))
		memcpy(state->buffer, buffer, REPARSE_SIZE);
	return rc;
}

/* On NTFS a link is no reparse point any more once it is filled. */
static bool may_be_marked(const struct store *store, const struct link_state *state)
{
	return store->volume->kind == VOLUME_NTFS && S_ISREG(state->st.st_mode);
}

static status read_link(
	const struct store *store, int dirfd, const char *name, struct link_state *state)
{
	uint8_t buffer[REPARSE_LIMIT];
	size_t size;
	status rc = volume_get_reparse(
		store->volume, dirfd, name, buffer, sizeof(buffer), &size);

	if (rc == STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT) && may_be_marked(store, state))
		state->unfinished = vouch_find_mark(dirfd, name, buffer);
	if (state->unfinished)
		return parse_link(buffer, REPARSE_SIZE, name, state);
	return failed(rc) ? rc : parse_link(buffer, size, name, state);
}

static status read_open_link(
	const struct store *store, int fd, const char *path, struct link_state *state)
{
	uint8_t buffer[REPARSE_LIMIT];
	size_t size;
	status rc = volume_get_reparse_open(
		store->volume, fd, path, buffer, sizeof(buffer), &size);

	if (rc == STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT) && may_be_marked(store, state))
		state->unfinished = vouch_find_mark_open(fd, buffer);
	if (state->unfinished)
		return parse_link(buffer, REPARSE_SIZE, path, state);
	return failed(rc) ? rc : parse_link(buffer, size, path, state);
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

static status check_open(
	const struct store *store, const struct stat *st, const char *path)
{
	if (st->st_dev != store->volume->device)
		return status_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE),
			"%s: is on another file system than the volume %s/", path,
			store->volume->root);
	return can_be_link(store, st)
		       ? STATUS_OK
		       : status_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT),
				 "%s: is not a regular file", path);
}

/* The reparse point first: most files have none, and need not be opened. */
status vouch_look_open(
	const struct store *store, int fd, const char *path, struct link_state *state)
{
	struct stat store_st = {0};
	status rc;

	*state = (struct link_state){0};
	if (fstat(fd, &state->st))
		return status_errno(errno, "%s", path);
	rc = check_open(store, &state->st, path);
	if (!failed(rc))
		rc = read_open_link(store, fd, path, state);
	if (!failed(rc))
		rc = find_store_file(store, state, &store_st);
	if (failed(rc))
		return rc;
	if (store->volume->kind == VOLUME_POSIX)
		return look_at_open(store, fd, path, &store_st, state);
	look_at_ntfs(&store_st, state);
	return STATUS_OK;
}

bool vouch_is_link(const struct link_state *state)
{
	return state->vouched && state->intact;
}
