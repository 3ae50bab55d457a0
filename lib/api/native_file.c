/*
 * Files as CreateFile and DeviceIoControl see them: what a tool for reparse points needs,
 * and no reading or writing.
 *
 * The file is open with O_PATH, so that nothing happens to it, not even waiting for the
 * other end of a pipe. The path that the kernel knows for the descriptor now says which
 * volume the file is on, and follows a renamed file as a Windows handle does. Everything
 * else is asked of the descriptor, but for setting a reparse point on NTFS: that goes by the
 * name, after a last look that it is still the file's.
 */
#include <backupapi/compat.h>
#include <backupapi/sis.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/argument.h"
#include "api/native.h"
#include "base/handle.h"
#include "sis/point.h"

_Static_assert(sizeof(struct backupapi_range) == 16, "FILE_ALLOCATED_RANGE_BUFFER");

/* Windows' values. */
#define OPEN_EXISTING    3u
#define OPEN_ITSELF      0x00200000u
#define OPEN_DIRECTORIES 0x02000000u

/* Bits of the access that mean reading or writing content. */
#define ACCESS_READ             (0x80000000u | 0x10000000u | 0x01u)
#define ACCESS_WRITE            (0x40000000u | 0x10000000u | 0x02u | 0x04u)
#define ACCESS_WRITE_ATTRIBUTES 0x0100u

#define REPARSE_HEADER          8u

struct file {
	int fd;
	uint32_t access;
};

/* ---- opening ---- */

/* A component "." or "..", which names never have. */
static bool has_dots(const char *path)
{
	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t length = strcspn(p, "/");

		if ((length == 1 || length == 2) && strspn(p, ".") >= length)
			return true;
		p += length;
	}
	return false;
}

/* The path that a name means, UNC or POSIX; a path that is no name, as it is. */
static status find_path(const char *name, char **path)
{
	if (name[0] == '\\' || (name[0] == '/' && name[1] && !has_dots(name)))
		return path_from_name(name, path);
	*path = strdup(name);
	return *path ? STATUS_OK : status_no_memory();
}

static void name_of_descriptor(int fd, char name[static 32])
{
	(void)snprintf(name, 32, "/proc/self/fd/%d", fd);
}

/* By the effective user's rights; a symbolic link itself has no content. */
static status check_rights(
	int fd, const struct stat *st, uint32_t access, const char *path)
{
	int mode = (access & ACCESS_READ ? R_OK : 0) | (access & ACCESS_WRITE ? W_OK : 0);
	char name[32];

	if (S_ISLNK(st->st_mode) || mode == 0)
		return STATUS_OK;
	name_of_descriptor(fd, name);
	return faccessat(AT_FDCWD, name, mode, AT_EACCESS) == 0
		       ? STATUS_OK
		       : status_errno(errno, "%s", path);
}

static status check_opened(int fd, uint32_t access, uint32_t flags, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return status_errno(errno, "%s", path);
	if (S_ISDIR(st.st_mode) && !(flags & OPEN_DIRECTORIES))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: a directory, which is opened with "
			"FILE_FLAG_BACKUP_SEMANTICS only",
			path);
	return check_rights(fd, &st, access, path);
}

/* Windows tells a missing directory from a missing file. */
static status explain_missing(const char *path, int err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;
	struct stat st;
	bool missing = dir && stat(dir, &st) != 0 && errno == ENOENT;

	free(dir);
	return missing ? status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
				 "%s: there is no such directory", path)
		       : status_errno(err, "%s", path);
}

static status open_file(
	const char *path, uint32_t access, uint32_t flags, struct file **file)
{
	int fd = open(path, O_PATH | O_CLOEXEC | (flags & OPEN_ITSELF ? O_NOFOLLOW : 0));
	status rc;

	*file = NULL;
	if (fd < 0)
		return explain_missing(path, errno);
	rc = check_opened(fd, access, flags, path);
	if (!failed(rc)) {
		*file = malloc(sizeof(**file));
		if (!*file)
			rc = status_no_memory();
	}
	if (failed(rc)) {
		(void)close(fd);
		return rc;
	}
	**file = (struct file){.fd = fd, .access = access};
	return STATUS_OK;
}

static void close_file(struct file *file)
{
	(void)close(file->fd);
	free(file);
}

static status open_name(const char *name, uint32_t access, uint32_t flags, void **handle)
{
	struct file *file = NULL;
	char *path;
	status rc = find_path(name, &path);

	if (failed(rc))
		return rc;
	rc = open_file(path, access, flags, &file);
	free(path);
	if (failed(rc))
		return rc;
	rc = handle_create(HANDLE_FILE, file, handle);
	if (failed(rc))
		close_file(file);
	return rc;
}

void *backupapi_file_open(
	const char *name, uint32_t access, uint32_t disposition, uint32_t flags)
{
	void *handle = NULL;
	status rc;

	status_begin();
	if (!name)
		rc = argument_invalid(__func__, "name is NULL");
	else if (disposition != OPEN_EXISTING)
		rc = status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: files are not created here (disposition %u): open() does "
			"it",
			name, (unsigned)disposition);
	else
		rc = open_name(name, access, flags, &handle);
	(void)status_publish_win32(rc);
	return handle;
}

int backupapi_handle_close(void *handle)
{
	const unsigned kinds = HANDLE_MASK(HANDLE_FILE) | HANDLE_MASK(HANDLE_TOKEN);
	enum handle_kind kind = HANDLE_FILE;
	void *object;

	if (handle == BACKUPAPI_CURRENT_PROCESS)
		return 1;
	status_begin();
	object = handle_retire(kinds, handle, &kind);
	if (!object)
		return status_publish_win32(
			status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
				"handle %p: not a live one of this process", handle));
	if (kind == HANDLE_FILE)
		close_file(object);
	else
		free(object);
	return 1;
}

/* ---- controls ---- */

struct control {
	const struct file *file;
	const char *path; /* of the file, now */
	const void *in;
	uint32_t in_size;
	void *out;
	uint32_t out_size;
	uint32_t returned;
};

static status need_access(const struct control *c, uint32_t any, const char *for_what)
{
	if (c->file->access & any)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: not opened for %s (access 0x%08x)", c->path, for_what,
		(unsigned)c->file->access);
}

static status need_room(const struct control *c, uint32_t size)
{
	if (c->out && c->out_size >= size)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INSUFFICIENT_BUFFER),
		"%s: the buffer has %u bytes, %u are the least", c->path,
		(unsigned)c->out_size, (unsigned)size);
}

static status get_reparse(struct control *c)
{
	uint8_t buffer[REPARSE_SIZE];
	status rc = need_room(c, REPARSE_HEADER);

	if (!failed(rc))
		rc = point_get_of(c->file->fd, c->path, buffer);
	if (failed(rc))
		return rc;
	c->returned = c->out_size < REPARSE_SIZE ? c->out_size : REPARSE_SIZE;
	memcpy(c->out, buffer, c->returned);
	if (c->returned == REPARSE_SIZE)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_MORE_DATA),
		"%s: its reparse point has %u bytes, the buffer %u", c->path,
		(unsigned)REPARSE_SIZE, (unsigned)c->out_size);
}

static status set_reparse(struct control *c)
{
	status rc = need_access(c, ACCESS_WRITE | ACCESS_WRITE_ATTRIBUTES, "writing");

	if (!failed(rc) && !c->in)
		rc = argument_invalid("set reparse point", "there is no input");
	return failed(rc) ? rc : point_set_of(c->file->fd, c->path, c->in, c->in_size);
}

static status set_sparse(struct control *c)
{
	status rc = need_access(c, ACCESS_WRITE, "writing");
	struct stat st;

	if (failed(rc))
		return rc;
	if (fstat(c->file->fd, &st) != 0)
		return status_errno(errno, "%s", c->path);
	if (!S_ISREG(st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: not a regular file", c->path);
	if (c->in && c->in_size && *(const uint8_t *)c->in == 0)
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: holes are not filled on request", c->path);
	return STATUS_OK;
}

/* The part of RANGE that is inside ASKED; its length 0 where there is none. */
static struct backupapi_range clip(
	const struct extents_range *range, const struct backupapi_range *asked)
{
	uint64_t begin = range->offset, end = begin + range->length;
	uint64_t asked_end = asked->length > UINT64_MAX - asked->offset
				     ? UINT64_MAX
				     : asked->offset + asked->length;

	if (begin < asked->offset)
		begin = asked->offset;
	if (end > asked_end)
		end = asked_end;
	return (struct backupapi_range){begin, end > begin ? end - begin : 0};
}

static status give_ranges(struct control *c, const struct extents_list *list,
	const struct backupapi_range *asked)
{
	for (size_t i = 0; i < list->count; i++) {
		struct backupapi_range part = clip(&list->items[i], asked);
		status rc = STATUS_OK;

		if (part.length == 0)
			continue;
		if (c->returned == 0)
			rc = need_room(c, sizeof(part));
		else if (c->out_size - c->returned < sizeof(part))
			rc = status_fail(STATUS_WIN32(ERROR_MORE_DATA),
				"%s: has more data ranges than the buffer", c->path);
		if (failed(rc))
			return rc;
		memcpy((uint8_t *)c->out + c->returned, &part, sizeof(part));
		c->returned += (uint32_t)sizeof(part);
	}
	return STATUS_OK;
}

static status query_ranges(struct control *c)
{
	struct extents_list list = {0};
	struct backupapi_range asked;
	status rc = need_access(c, ACCESS_READ, "reading");

	if (failed(rc))
		return rc;
	if (!c->in || c->in_size < sizeof(asked))
		return argument_invalid("query ranges", "the input is not one range");
	memcpy(&asked, c->in, sizeof(asked));
	if (asked.offset > INT64_MAX || asked.length > INT64_MAX)
		return argument_invalid("query ranges", "offset or length is negative");
	rc = point_ranges_of(c->file->fd, c->path, &list);
	if (!failed(rc))
		rc = give_ranges(c, &list, &asked);
	extents_free(&list);
	return rc;
}

static status dispatch(struct control *c, uint32_t code)
{
	switch (code) {
	case BACKUPAPI_CONTROL_GET_REPARSE_POINT:
		return get_reparse(c);
	case BACKUPAPI_CONTROL_SET_REPARSE_POINT:
		return set_reparse(c);
	case BACKUPAPI_CONTROL_SET_SPARSE:
		return set_sparse(c);
	case BACKUPAPI_CONTROL_QUERY_RANGES:
		return query_ranges(c);
	default:
		return status_fail(STATUS_WIN32(ERROR_INVALID_FUNCTION),
			"%s: control code 0x%08x is not offered", c->path,
			(unsigned)code);
	}
}

/* ---- where a file is now ---- */

static status read_link(const char *name, char **target)
{
	char *text = NULL;

	for (size_t size = 256;; size *= 2) {
		char *larger = realloc(text, size);
		ssize_t length;

		if (!larger) {
			free(text);
			return status_no_memory();
		}
		text = larger;
		length = readlink(name, text, size);
		if (length < 0) {
			status rc = status_errno(errno, "%s", name);

			free(text);
			return rc;
		}
		if ((size_t)length < size) {
			text[length] = '\0';
			break;
		}
	}
	*target = text;
	return STATUS_OK;
}

static status path_of(const struct file *file, char **path)
{
	struct stat opened, there;
	char name[32];
	status rc;

	name_of_descriptor(file->fd, name);
	rc = read_link(name, path);
	if (failed(rc))
		return rc;
	if (fstat(file->fd, &opened) != 0)
		rc = status_errno(errno, "%s", *path);
	else if (lstat(*path, &there) != 0 || opened.st_dev != there.st_dev ||
		 opened.st_ino != there.st_ino)
		rc = status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: the file is gone since it was opened", *path);
	if (failed(rc))
		free(*path);
	return rc;
}

int backupapi_file_control(void *handle, uint32_t code, const void *in, uint32_t in_size,
	void *out, uint32_t out_size, uint32_t *returned)
{
	struct control c = {
		.in = in, .in_size = in_size, .out = out, .out_size = out_size};
	char *path = NULL;
	status rc;

	status_begin();
	if (returned)
		*returned = 0;
	c.file = handle_acquire(HANDLE_MASK(HANDLE_FILE), handle, NULL);
	if (!c.file)
		return status_publish_win32(
			status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
				"file %p: not a live one of this process", handle));
	rc = path_of(c.file, &path);
	if (!failed(rc)) {
		c.path = path;
		rc = dispatch(&c, code);
		free(path);
	}
	handle_release(handle);
	if (returned)
		*returned = c.returned;
	return status_publish_win32(rc);
}
