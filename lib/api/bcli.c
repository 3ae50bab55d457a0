/* The two families and their backups; bcli_list.c and bcli_restore.c have the rest. */
#include "api/bcli.h"

#include <stdlib.h>

#include "base/status.h"

#define READ_SIZE_MIN (64u * 1024)
#define READ_SIZE_MAX (4u * 1024 * 1024)

const struct bcli bcli_certsrv = {
	.family = FAMILY_CERTSRV,
	.blocks = ALLOC_CERTSRV,
	.backup = HANDLE_CERTSRV_BACKUP,
	.restore = HANDLE_CERTSRV_RESTORE,
	.bad_handle = STATUS_WIN32(ERROR_INVALID_HANDLE),
	.hint = {.least = 0, .unit = 1},
	.read = {.least = 1, .unit = 1},
};

const struct bcli bcli_ds = {
	.family = FAMILY_DS,
	.blocks = ALLOC_DS,
	.backup = HANDLE_DS_BACKUP,
	.restore = HANDLE_DS_RESTORE,
	.bad_handle = STATUS_WIN32(ERROR_INVALID_PARAMETER),
	.hint = {.least = 24576, .unit = 8192},
	.read = {.least = 24576, .unit = 8192},
	.tells_end = true,
	.needs_paths = true,
};

/* ---- handles ---- */

status bcli_bad_handle(const struct bcli *f, unsigned kinds, void *handle)
{
	const char *kind = kinds == HANDLE_MASK(f->backup)    ? "backup"
			   : kinds == HANDLE_MASK(f->restore) ? "restore"
							      : "backup or restore";

	return status_fail(f->bad_handle,
		"handle %p: not a live %s handle of this process and family", handle,
		kind);
}

status bcli_acquire(const struct bcli *f, unsigned kinds, void *handle, void **object,
	enum handle_kind *kind)
{
	*object = handle_acquire(kinds, handle, kind);
	return *object ? STATUS_OK : bcli_bad_handle(f, kinds, handle);
}

static status acquire_backup(
	const struct bcli *f, void *handle, struct bcli_backup **backup)
{
	void *object;
	status rc = bcli_acquire(f, HANDLE_MASK(f->backup), handle, &object, NULL);

	*backup = object;
	return rc;
}

/* ---- begin and end ---- */

status bcli_begin(const struct bcli *f, struct server *server, enum backup_type type,
	struct bcli_backup **backup)
{
	struct bcli_backup *b = calloc(1, sizeof(*b));
	status rc;

	*backup = NULL;
	if (!b) {
		server_free(server);
		return status_no_memory();
	}
	rc = backup_prepare(server, f->family, type, &b->session);
	if (failed(rc)) {
		free(b);
		return rc;
	}
	*backup = b;
	return STATUS_OK;
}

status bcli_end(struct bcli_backup *backup, bool record)
{
	status rc = backup_end(backup->session, record);

	free(backup);
	return rc;
}

HRESULT bcli_end_handle(const struct bcli *f, void *handle)
{
	struct bcli_backup *backup;

	status_begin();
	backup = handle_retire(HANDLE_MASK(f->backup), handle, NULL);
	return status_publish(
		backup ? bcli_end(backup, true)
		       : bcli_bad_handle(f, HANDLE_MASK(f->backup), handle));
}

/* ---- one file ---- */

static status check_size(
	const char *function, const char *what, struct bcli_size rule, DWORD size)
{
	if (size >= rule.least && size % rule.unit == 0)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
		"%s: %s is %u, not a multiple of %u and at least %u", function, what,
		size, rule.unit, rule.least);
}

/* The power of two from HINT on, within bounds; 0 leaves the choice to the engine. */
static size_t read_size(DWORD hint)
{
	size_t size = READ_SIZE_MIN;

	if (hint == 0)
		return 0;
	while (size < hint && size < READ_SIZE_MAX)
		size *= 2;
	return size;
}

static status open_file(const struct bcli *f, void *handle, const char *name, DWORD hint,
	LARGE_INTEGER *size)
{
	struct bcli_backup *backup;
	uint64_t bytes = 0;
	status rc = acquire_backup(f, handle, &backup);

	if (failed(rc))
		return rc;
	rc = backup_open(backup->session, name, read_size(hint), &bytes);
	if (!failed(rc)) {
		backup->end_told = false;
		size->QuadPart = (LONGLONG)bytes;
	}
	handle_release(handle);
	return rc;
}

HRESULT bcli_open(const struct bcli *f, const char *function, void *handle,
	struct given name, DWORD hint, LARGE_INTEGER *size)
{
	char *text = NULL;
	status rc;

	status_begin();
	if (size)
		size->QuadPart = 0;
	if (!size)
		rc = argument_invalid(function, "pliFileSize is NULL");
	else if (!name.text)
		rc = argument_invalid(function, "the attachment's name is NULL");
	else
		rc = check_size(function, "cbReadHintSize", f->hint, hint);
	if (!failed(rc))
		rc = argument_copy(name, &text);
	if (!failed(rc))
		rc = open_file(f, handle, text, hint, size);
	free(text);
	return status_publish(rc);
}

/* A loop end rather than an error when it is told first (contract: plain 38), so that
 * loops until ERROR_HANDLE_EOF end; a failure from then on, so that others end too. */
static status tell_end(struct bcli_backup *backup)
{
	if (!backup->end_told) {
		backup->end_told = true;
		return ERROR_HANDLE_EOF;
	}
	return status_fail(STATUS_WIN32(ERROR_HANDLE_EOF),
		"%s: the open file was read to its end before",
		backup_server(backup->session)->name);
}

static status read_file(
	const struct bcli *f, void *handle, void *buffer, DWORD size, DWORD *got)
{
	struct bcli_backup *backup;
	size_t bytes = 0;
	status rc = acquire_backup(f, handle, &backup);

	if (failed(rc))
		return rc;
	rc = backup_read(backup->session, buffer, size, &bytes);
	if (!failed(rc) && bytes == 0 && f->tells_end)
		rc = tell_end(backup);
	handle_release(handle);
	if (!failed(rc))
		*got = (DWORD)bytes;
	return rc;
}

HRESULT bcli_read(const struct bcli *f, const char *function, void *handle, void *buffer,
	DWORD size, DWORD *got)
{
	status rc;

	status_begin();
	if (got)
		*got = 0;
	if (!buffer)
		rc = argument_invalid(function, "pvBuffer is NULL");
	else if (!got)
		rc = argument_invalid(function, "pcbRead is NULL");
	else
		rc = check_size(function, "cbBuffer", f->read, size);
	if (!failed(rc))
		rc = read_file(f, handle, buffer, size, got);
	return status_publish(rc);
}

HRESULT bcli_plain(const struct bcli *f, void *handle, status (*call)(struct backup *))
{
	struct bcli_backup *backup;
	status rc;

	status_begin();
	rc = acquire_backup(f, handle, &backup);
	if (failed(rc))
		return status_publish(rc);
	rc = call(backup->session);
	handle_release(handle);
	return status_publish(rc);
}
