/*
 * Two notes for each thread: the pending one, made where a failure was found, and the
 * published one, which belongs to the last error that the caller can see.
 */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status_table.h"
#include "base/text.h"

#define NOTE_SIZE 1024

struct thread_status {
	status pending_code;
	uint32_t last_error;
	char pending[NOTE_SIZE];
	char detail[NOTE_SIZE];
};

static _Thread_local struct thread_status this_thread;

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Both ends of a long message matter, the file's name and the reason, so that its middle
 * gives way, at the borders of UTF-8 characters. */
static void copy_shortened(char *out, const char *text)
{
	static const char gap[] = " ... ";
	const size_t gap_size = sizeof(gap) - 1;
	size_t length = strlen(text), head = NOTE_SIZE / 2, tail;

	if (length < NOTE_SIZE) {
		memcpy(out, text, length + 1);
		return;
	}
	for (int i = 0; i < 3 && is_continuation(text[head]); i++)
		head--;
	tail = length - (NOTE_SIZE - 1 - head - gap_size);
	for (int i = 0; i < 3 && is_continuation(text[tail]); i++)
		tail++;
	memcpy(out, text, head);
	memcpy(out + head, gap, gap_size);
	memcpy(out + head + gap_size, text + tail, length - tail + 1);
}

/* Through a buffer of its own, since the pending note may be among ARGS. */
__attribute__((format(printf, 2, 0))) static void note(
	status code, const char *format, va_list args)
{
	char fits[NOTE_SIZE];
	char *whole = NULL;
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(fits, sizeof(fits), format, args);
	if (length < 0)
		fits[0] = '\0';
	if (length >= NOTE_SIZE && (whole = malloc((size_t)length + 1)) != NULL)
		(void)vsnprintf(whole, (size_t)length + 1, format, again);
	va_end(again);
	copy_shortened(this_thread.pending, whole ? whole : fits);
	free(whole);
	text_keep_to_one_line(this_thread.pending);
	this_thread.pending_code = code;
}

/* The GNU call gives the text, which may be elsewhere; the one of POSIX fills BUFFER. */
static const char *system_text(int err, char *buffer, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(err, buffer, size);
#else
	*buffer = '\0';
	(void)strerror_r(err, buffer, size);
	return buffer;
#endif
}

static void append_system_text(int err)
{
	char buffer[128], both[NOTE_SIZE + sizeof(buffer) + 2];

	(void)snprintf(both, sizeof(both), "%s: %s", this_thread.pending,
		system_text(err, buffer, sizeof(buffer)));
	copy_shortened(this_thread.pending, both);
}

status status_fail(status code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	note(code, format, args);
	va_end(args);
	errno = saved;
	return code;
}

status status_errno(int err, const char *format, ...)
{
	status code = status_from_errno(err);
	int saved = errno;
	va_list args;

	va_start(args, format);
	note(code, format, args);
	va_end(args);
	append_system_text(err);
	errno = saved;
	return code;
}

/* EBADMSG and EUCLEAN are what file systems say when their own checks fail; EISDIR is
 * denied access as on Windows, and ELOOP too, since symbolic links are refused rather
 * than followed. */
status status_from_errno(int err)
{
	static const struct {
		int err;
		uint16_t code;
	} map[] = {
		{EACCES, ERROR_ACCESS_DENIED},
		{EPERM, ERROR_ACCESS_DENIED},
		{ELOOP, ERROR_ACCESS_DENIED},
		{EISDIR, ERROR_ACCESS_DENIED},
		{ENOENT, ERROR_FILE_NOT_FOUND},
		{ENOTDIR, ERROR_PATH_NOT_FOUND},
		{ENOSPC, ERROR_DISK_FULL},
		{EDQUOT, ERROR_DISK_FULL},
		{ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
		{EEXIST, ERROR_ALREADY_EXISTS},
		{ENOTEMPTY, ERROR_DIR_NOT_EMPTY},
		{EMFILE, ERROR_TOO_MANY_OPEN_FILES},
		{ENFILE, ERROR_TOO_MANY_OPEN_FILES},
		{EBADF, ERROR_INVALID_HANDLE},
		{EXDEV, ERROR_NOT_SAME_DEVICE},
		{EROFS, ERROR_WRITE_PROTECT},
		{EBUSY, ERROR_BUSY},
		{EAGAIN, ERROR_BUSY},
		{ETXTBSY, ERROR_SHARING_VIOLATION},
		{EIO, ERROR_IO_DEVICE},
		{EBADMSG, ERROR_CRC},
		{EUCLEAN, ERROR_FILE_CORRUPT},
		{EPIPE, ERROR_BROKEN_PIPE},
		{ECONNRESET, ERROR_BROKEN_PIPE},
		{ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE},
		{EFBIG, ERROR_FILE_TOO_LARGE},
		{EOVERFLOW, ERROR_FILE_TOO_LARGE},
		{EINVAL, ERROR_INVALID_PARAMETER},
		{EFAULT, ERROR_INVALID_ADDRESS},
		{ENOSYS, ERROR_NOT_SUPPORTED},
		{EOPNOTSUPP, ERROR_NOT_SUPPORTED},
		{ECANCELED, ERROR_CANCELLED},
		{EILSEQ, ERROR_NO_UNICODE_TRANSLATION},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].err == err)
			return STATUS_WIN32(map[i].code);
	return STATUS_WIN32(ERROR_GEN_FAILURE);
}

status status_no_memory(void)
{
	return status_fail(STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY), "out of memory");
}

const char *status_pending(void)
{
	return this_thread.pending;
}

void status_begin(void)
{
	this_thread.pending[0] = '\0';
	this_thread.pending_code = STATUS_OK;
}

status status_publish(status rc)
{
	if (failed(rc)) {
		bool explained = this_thread.pending[0] && this_thread.pending_code == rc;

		this_thread.last_error = (uint32_t)rc;
		copy_shortened(this_thread.detail,
			explained ? this_thread.pending : status_text(rc));
	}
	status_begin();
	return rc;
}

bool status_publish_win32(status rc)
{
	const uint32_t code = (uint32_t)rc;

	if (!failed(rc)) {
		status_begin();
		return true;
	}
	(void)status_publish(rc);
	if (code >> 16 == 0x8007)
		this_thread.last_error = code & 0xffff;
	return false;
}

uint32_t status_last_error(void)
{
	return this_thread.last_error;
}

void status_set_last_error(uint32_t code)
{
	this_thread.last_error = code;
	this_thread.detail[0] = '\0';
}

const char *status_detail(void)
{
	return this_thread.detail;
}

/* NULL where nobody defined CODE. */
static const struct status_entry *find_entry(uint32_t code)
{
	size_t low = 0, high = status_table_size;

	if (code > 0x80070000 && code <= 0x8007ffff)
		code &= 0xffff;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (status_table[middle].code == code)
			return &status_table[middle];
		if (status_table[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *status_name(status rc)
{
	const struct status_entry *entry = find_entry((uint32_t)rc);

	if (entry)
		return entry->name;
	switch ((uint32_t)rc >> 16) {
	case 0xc800:
		return "unknown database engine error";
	case 0x8800:
		return "unknown database engine warning";
	case 0xc7ff:
		return "unknown backup error";
	default:
		return "unknown error";
	}
}

const char *status_text(status rc)
{
	const struct status_entry *entry = find_entry((uint32_t)rc);

	if (entry)
		return entry->text;
	switch ((uint32_t)rc >> 16) {
	case 0xc800:
		return "database engine error";
	case 0x8800:
		return "database engine warning";
	case 0xc7ff:
		return "backup interface error";
	default:
		return "an error without a description";
	}
}
