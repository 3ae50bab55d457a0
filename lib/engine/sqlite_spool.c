/* The pager hands over one page at a time, nearly always the one behind the last: they
 * are gathered into large writes. Between these is also where a dead caller is noticed.
 */
#include "engine/sqlite_spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VFS_NAME "backupapi-spool"

enum { GATHER_SIZE = 1 << 20, SECTOR_SIZE = 4096, NAME_LIMIT = 64 };

struct spool_file {
	sqlite3_file base;
	struct sqlite_spool *target;
};

static struct sqlite_spool *target_of(sqlite3_file *file)
{
	return ((struct spool_file *)file)->target;
}

/* ---- bytes ---- */

static int stop(struct sqlite_spool *target, int error)
{
	if (!target->error)
		target->error = error;
	return error == ENOSPC || error == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int flush(struct sqlite_spool *target)
{
	size_t done = 0;

	if (target->error)
		return stop(target, target->error);
	if (target->host->caller_gone(target->host->context))
		return stop(target, ECANCELED);
	while (done < target->gathered) {
		ssize_t n =
			pwrite(target->fd, target->bytes + done, target->gathered - done,
				(off_t)(target->start + target->gathered_at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return stop(target, n < 0 ? errno : EIO);
		done += (size_t)n;
	}
	target->gathered_at += done;
	target->gathered = 0;
	return SQLITE_OK;
}

static int spool_file_write(
	sqlite3_file *file, const void *data, int amount, sqlite3_int64 at)
{
	struct sqlite_spool *target = target_of(file);
	const unsigned char *bytes = data;
	uint64_t offset = (uint64_t)at;
	size_t left = (size_t)amount;

	if (target->gathered && offset != target->gathered_at + target->gathered) {
		int rc = flush(target);

		if (rc != SQLITE_OK)
			return rc;
	}
	if (!target->gathered)
		target->gathered_at = offset;
	while (left) {
		size_t room = GATHER_SIZE - target->gathered,
		       n = left < room ? left : room;

		memcpy(target->bytes + target->gathered, bytes, n);
		target->gathered += n;
		bytes += n;
		left -= n;
		if (target->gathered == GATHER_SIZE) {
			int rc = flush(target);

			if (rc != SQLITE_OK)
				return rc;
		}
	}
	if (target->size < offset + (size_t)amount)
		target->size = offset + (size_t)amount;
	return SQLITE_OK;
}

/* Reads what there is; the rest of the buffer becomes zeros, as SQLite wants it. */
static int spool_file_read(sqlite3_file *file, void *data, int amount, sqlite3_int64 at)
{
	struct sqlite_spool *target = target_of(file);
	size_t wanted = (size_t)amount, done = 0;
	int rc = flush(target);

	if (rc != SQLITE_OK)
		return rc;
	memset(data, 0, wanted);
	if ((uint64_t)at >= target->size)
		return SQLITE_IOERR_SHORT_READ;
	if (wanted > target->size - (uint64_t)at)
		wanted = (size_t)(target->size - (uint64_t)at);
	while (done < wanted) {
		ssize_t n = pread(target->fd, (char *)data + done, wanted - done,
			(off_t)(target->start + (uint64_t)at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)stop(target, errno);
			return SQLITE_IOERR_READ;
		}
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return done == (size_t)amount ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int spool_file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct sqlite_spool *target = target_of(file);
	int rc = flush(target);

	if (rc != SQLITE_OK)
		return rc;
	/* Nothing lies behind the copy that is being written. */
	if (ftruncate(target->fd, (off_t)(target->start + (uint64_t)size)) < 0) {
		(void)stop(target, errno);
		return SQLITE_IOERR_TRUNCATE;
	}
	target->size = (uint64_t)size;
	return SQLITE_OK;
}

static int spool_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)target_of(file)->size;
	return SQLITE_OK;
}

/* ---- what a private, passing file has no use for ---- */

static int spool_file_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int spool_file_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int spool_file_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int spool_file_check_lock(sqlite3_file *file, int *reserved)
{
	(void)file;
	*reserved = 0;
	return SQLITE_OK;
}

static int spool_file_control(sqlite3_file *file, int what, void *argument)
{
	(void)file;
	(void)what;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int spool_file_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR_SIZE;
}

static int spool_file_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods spool_methods = {
	.iVersion = 1,
	.xClose = spool_file_close,
	.xRead = spool_file_read,
	.xWrite = spool_file_write,
	.xTruncate = spool_file_truncate,
	.xSync = spool_file_sync,
	.xFileSize = spool_file_size,
	.xLock = spool_file_lock,
	.xUnlock = spool_file_lock,
	.xCheckReservedLock = spool_file_check_lock,
	.xFileControl = spool_file_control,
	.xSectorSize = spool_file_sector_size,
	.xDeviceCharacteristics = spool_file_characteristics,
};

/* ---- the file system ---- */

static int spool_vfs_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct spool_file *spool_file = (struct spool_file *)file;

	(void)name;
	file->pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	spool_file->target = vfs->pAppData;
	file->pMethods = &spool_methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int spool_vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	(void)vfs;
	(void)name;
	(void)sync_dir;
	return SQLITE_OK;
}

static int spool_vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*result = 0;
	return SQLITE_OK;
}

static int spool_vfs_full_name(sqlite3_vfs *vfs, const char *name, int size, char *full)
{
	(void)vfs;
	(void)sqlite3_snprintf(size, full, "%s", name);
	return SQLITE_OK;
}

status sqlite_spool_open(
	const struct hosted_engine *host, struct sqlite_spool *target, sqlite3 **db)
{
	const sqlite3_vfs *system = sqlite3_vfs_find(NULL);

	*db = NULL;
	*target = (struct sqlite_spool){
		.host = host, .fd = host->spool->fd, .start = host->spool->end};
	target->bytes = malloc(GATHER_SIZE);
	if (!target->bytes || !system)
		return status_no_memory();
	target->vfs = *system; /* time, sleep and random numbers stay the system's */
	target->vfs.zName = VFS_NAME;
	target->vfs.pNext = NULL;
	target->vfs.pAppData = target;
	target->vfs.szOsFile = sizeof(struct spool_file);
	target->vfs.mxPathname = NAME_LIMIT;
	target->vfs.xOpen = spool_vfs_open;
	target->vfs.xDelete = spool_vfs_delete;
	target->vfs.xAccess = spool_vfs_access;
	target->vfs.xFullPathname = spool_vfs_full_name;
	if (sqlite3_vfs_register(&target->vfs, 0) != SQLITE_OK)
		return status_no_memory();
	if (sqlite3_open_v2("copy", db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    VFS_NAME) != SQLITE_OK ||
		sqlite3_exec(*db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
			NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_failure(*db, sqlite3_errcode(*db), "spool");
	return STATUS_OK;
}

status sqlite_spool_finish(struct sqlite_spool *target, const char *spool_dir)
{
	if (!target->error)
		(void)flush(target);
	if (target->error == ECANCELED)
		return status_fail(STATUS_WIN32(ERROR_CANCELLED),
			"%s: the caller is gone", spool_dir);
	if (target->error)
		return status_errno(target->error, "%s: spool", spool_dir);
	return STATUS_OK;
}

void sqlite_spool_close(struct sqlite_spool *target)
{
	if (target->vfs.zName)
		(void)sqlite3_vfs_unregister(&target->vfs);
	free(target->bytes);
	target->bytes = NULL;
}
