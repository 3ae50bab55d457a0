#include "sis/point.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "sis/vouch.h"

/* A file, and the volume that it is on. */
struct place {
	struct volume *volume;
	int dirfd;
	const char *name;
	int fd; /* the caller's, which the file is open on; -1: what has the name */
};

static void leave(struct place *place)
{
	if (place->dirfd >= 0)
		(void)close(place->dirfd);
	volume_close(place->volume);
}

/* Where no directory above has a common store, the file's own serves as the volume. */
static status find_volume(const char *path, struct volume **volume)
{
	const char *slash = strrchr(path, '/');
	status rc = volume_of(path, volume);
	char *dir;

	if (rc != STATUS_WIN32(ERROR_PATH_NOT_FOUND))
		return rc;
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return status_no_memory();
	rc = volume_open(dir, volume);
	free(dir);
	return rc;
}

/* ROOT: the volume, or NULL. */
static status find_place(const char *root, int fd, const char *path, struct place *place)
{
	status rc;

	*place = (struct place){.dirfd = -1, .fd = fd};
	rc = root ? volume_open(root, &place->volume) : find_volume(path, &place->volume);
	if (!failed(rc))
		rc = volume_open_parent(place->volume, path, &place->dirfd, &place->name);
	if (failed(rc))
		leave(place);
	return rc;
}

static status stat_place(const struct place *place, struct stat *st)
{
	int result = place->fd < 0
			     ? fstatat(place->dirfd, place->name, st, AT_SYMLINK_NOFOLLOW)
			     : fstat(place->fd, st);

	return result ? step_errno(errno, place->dirfd, place->name) : STATUS_OK;
}

static status no_link(const char *path, const char *why)
{
	return status_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), "%s: %s", path, why);
}

/* What a look at PATH that ended with RC says. */
static status judge(status rc, const struct link_state *state, const char *path)
{
	if (rc == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA) ||
		rc == STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH))
		return no_link(path, "its reparse point is no single-instance link's");
	if (failed(rc))
		return rc;
	if (state->unfinished)
		return status_fail(
			STATUS_WIN32(ERROR_FILE_CORRUPT), "%s: " VOUCH_UNFINISHED, path);
	if (!state->vouched)
		return no_link(path, "nobody who may make links vouches for it");
	if (!state->intact)
		return no_link(path, "it was written to since it was made a link");
	return STATUS_OK;
}

static status look(const struct place *place, const char *path, struct link_state *state)
{
	struct store *store;
	status rc = store_open(place->volume, false, &store);

	if (failed(rc))
		return rc;
	rc = place->fd < 0 ? vouch_look(store, place->dirfd, place->name, state)
			   : vouch_look_open(store, place->fd, path, state);
	rc = judge(rc, state, path);
	store_close(store);
	return rc;
}

/* With a reparse point, but a store that this user may not read. */
static status judge_unread(const struct place *place, const char *path, status unread)
{
	struct stat st;
	status rc = stat_place(place, &st);

	if (failed(rc))
		return rc;
	if (st.st_blocks == 0 && st.st_size > 0)
		return status_fail(unread,
			"%s: a link without data, whose common store cannot be read",
			path);
	return no_link(path, "its common store cannot be read");
}

/* Most files end here. */
static status find_reparse(const struct place *place, const char *path)
{
	uint8_t byte;
	size_t size;
	struct stat st;

	if (place->fd >= 0)
		return volume_get_reparse_open(
			place->volume, place->fd, path, &byte, sizeof(byte), &size);
	if (fstatat(place->dirfd, place->name, &st, AT_SYMLINK_NOFOLLOW) && errno != EIO)
		return step_errno(errno, place->dirfd, place->name);
	return volume_get_reparse(
		place->volume, place->dirfd, place->name, &byte, sizeof(byte), &size);
}

/* On NTFS a link that is being filled has no reparse point. */
static bool is_marked(const struct place *place)
{
	uint8_t reparse[REPARSE_SIZE];

	if (place->volume->kind != VOLUME_NTFS)
		return false;
	return place->fd < 0 ? vouch_find_mark(place->dirfd, place->name, reparse)
			     : vouch_find_mark_open(place->fd, reparse);
}

static status get(const struct place *place, const char *path, struct link_state *state)
{
	status rc = find_reparse(place, path);

	if (failed(rc) &&
		(rc != STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT) || !is_marked(place)))
		return rc;
	rc = look(place, path, state);
	if (rc == STATUS_WIN32(ERROR_PATH_NOT_FOUND))
		return no_link(path, "its volume has no common store");
	if (rc == STATUS_WIN32(ERROR_ACCESS_DENIED))
		return judge_unread(place, path, rc);
	return rc;
}

static status get_at(
	const char *root, int fd, const char *path, uint8_t buffer[REPARSE_SIZE])
{
	struct link_state state = {0};
	struct place place;
	status rc = find_place(root, fd, path, &place);

	if (failed(rc))
		return rc;
	rc = get(&place, path, &state);
	if (!failed(rc))
		memcpy(buffer, state.buffer, REPARSE_SIZE);
	leave(&place);
	return rc;
}

status point_get_on(const char *root, const char *path, uint8_t buffer[REPARSE_SIZE])
{
	return get_at(root, -1, path, buffer);
}

status point_get(const char *path, uint8_t buffer[REPARSE_SIZE])
{
	return get_at(NULL, -1, path, buffer);
}

status point_get_of(int fd, const char *path, uint8_t buffer[REPARSE_SIZE])
{
	return get_at(NULL, fd, path, buffer);
}

status point_get_open(
	const struct store *store, int fd, const char *path, uint8_t buffer[REPARSE_SIZE])
{
	struct link_state state;
	status rc = judge(vouch_look_open(store, fd, path, &state), &state, path);

	if (!failed(rc))
		memcpy(buffer, state.buffer, REPARSE_SIZE);
	return rc;
}

/* ---- setting ---- */

/* Whoever may set an attribute may write, and need not be able to read. */
static status set_open(int fd, const char *path, const void *buffer)
{
	int writer = volume_open_again(fd, O_WRONLY);
	status rc;

	if (writer < 0 && errno == ETXTBSY)
		writer = volume_open_again(fd, O_RDONLY);
	if (writer < 0)
		return status_errno(errno, "%s", path);
	rc = volume_set_reparse_of(writer, path, buffer, REPARSE_SIZE);
	(void)close(writer);
	return rc;
}

/* The name of what was OPENED may be another file's by now. */
static status check_name(const struct place *place, const struct stat *opened)
{
	struct stat there;

	if (fstatat(place->dirfd, place->name, &there, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, place->dirfd, place->name);
	if (opened->st_dev == there.st_dev && opened->st_ino == there.st_ino)
		return STATUS_OK;
	return step_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND), place->dirfd, place->name,
		"the file is gone since it was opened");
}

static status set(const struct place *place, const char *path, const void *buffer)
{
	struct stat st;
	status rc = stat_place(place, &st);

	if (failed(rc))
		return rc;
	if (!S_ISREG(st.st_mode) && place->volume->kind != VOLUME_NTFS)
		return status_fail(S_ISLNK(st.st_mode) ? STATUS_WIN32(ERROR_ACCESS_DENIED)
						       : STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	if (place->fd >= 0 && place->volume->kind == VOLUME_POSIX)
		return set_open(place->fd, path, buffer);
	if (place->fd >= 0)
		rc = check_name(place, &st);
	return failed(rc) ? rc
			  : volume_set_reparse(place->volume, place->dirfd, place->name,
				    buffer, REPARSE_SIZE);
}

static status set_at(int fd, const char *path, const void *buffer, size_t size)
{
	struct sis_link link;
	struct place place;
	status rc = reparse_parse(buffer, size, &link);

	if (!failed(rc))
		rc = find_place(NULL, fd, path, &place);
	if (failed(rc))
		return rc;
	rc = set(&place, path, buffer);
	leave(&place);
	return rc;
}

status point_set(const char *path, const void *buffer, size_t size)
{
	return set_at(-1, path, buffer, size);
}

status point_set_of(int fd, const char *path, const void *buffer, size_t size)
{
	return set_at(fd, path, buffer, size);
}

/* ---- ranges ---- */

static status ranges(
	const struct place *place, const char *path, struct extents_list *list)
{
	struct link_state state = {0};
	struct stat st;
	status rc = get(place, path, &state);
	int fd;

	if (rc != STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return rc;
	rc = stat_place(place, &st);
	if (failed(rc))
		return rc;
	if (!S_ISREG(st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	fd = place->fd < 0 ? volume_open_regular(place->dirfd, place->name, O_RDONLY)
			   : volume_open_again(place->fd, O_RDONLY);
	if (fd < 0)
		return step_errno(errno, place->dirfd, place->name);
	rc = extents_data(fd, path, list);
	(void)close(fd);
	return rc;
}

static status ranges_at(int fd, const char *path, struct extents_list *list)
{
	struct place place;
	status rc = find_place(NULL, fd, path, &place);

	if (failed(rc))
		return rc;
	rc = ranges(&place, path, list);
	leave(&place);
	return rc;
}

status point_ranges(const char *path, struct extents_list *list)
{
	return ranges_at(-1, path, list);
}

status point_ranges_of(int fd, const char *path, struct extents_list *list)
{
	return ranges_at(fd, path, list);
}
