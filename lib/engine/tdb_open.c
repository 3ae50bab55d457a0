/* TDB opens a file for reading only without locks: whoever is to wait for a writer must
 * be one who could write. The file is not mapped: one that is cut short meanwhile is an
 * error then, and no signal. */
#include "engine/tdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/probe.h"
#include "engine/tdb_files.h"

/* The head of a TDB file, in the order of the machine that made it. */
struct samba_tdb_head {
	char magic[32];
	uint32_t version;
	uint32_t hash_size;
	uint32_t features_valid;
	uint32_t recovery_start;
	uint32_t sequence_number;
	uint32_t hash_magic[2];
	uint32_t features;
	uint32_t mutex_size;
	uint32_t reserved[25];
};

struct samba_tdb_record {
	uint32_t next, length, key_length, data_length, hash, magic;
};

#define FEATURES_VALID 0xbad1a52u
#define FEATURE_MUTEX  1u
#define RECOVERY_MAGIC 0xf53bc0e7u

/* Behind the magic number and the like: what a transaction locks. */
enum { LOCKS_BEGIN = sizeof(struct samba_tdb_head) };

_Static_assert(sizeof(struct samba_tdb_head) == 168, "as on disk");

/* The hash table alone may not be larger than the file: TDB's check counts on it. */
static status look_at_head(const char *path, enum samba_kind *kind)
{
	struct samba_tdb_head head = {0};
	struct stat st;
	uint64_t size;
	size_t got = 0;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = file_pread(fd, &head, sizeof(head), 0, &got, path);
	(void)close(fd);
	if (failed(rc))
		return rc;
	size = (uint64_t)st.st_size / sizeof(uint32_t);
	if (got != sizeof(head) ||
		(head.hash_size > size && __builtin_bswap32(head.hash_size) > size))
		return status_fail(hrDatabaseCorrupted,
			"%s: cut short, or its head is damaged", path);
	if (head.features_valid == FEATURES_VALID && (head.features & FEATURE_MUTEX))
		*kind = SAMBA_PASSING;
	return STATUS_OK;
}

/* Is a change half written, by somebody who is still at it? */
static bool is_committing(int fd)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_BEGIN};
	struct samba_tdb_record record;
	struct samba_tdb_head head;

	return pread(fd, &head, sizeof(head), 0) == sizeof(head) && head.recovery_start &&
	       pread(fd, &record, sizeof(record), head.recovery_start) ==
		       sizeof(record) &&
	       record.magic == RECOVERY_MAGIC && fcntl(fd, F_GETLK, &lock) == 0 &&
	       lock.l_type != F_UNLCK;
}

status samba_wait_for_commit(struct samba_waiting *waiting, const char *path)
{
	for (;;) {
		struct stat st;
		bool committing;
		int fd;
		status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

		if (failed(rc))
			return rc;
		committing = is_committing(fd);
		(void)close(fd);
		if (!committing)
			return STATUS_OK;
		rc = samba_pause(waiting, status_fail(STATUS_WIN32(ERROR_BUSY),
						  "%s: it stays locked", path));
		if (failed(rc))
			return rc;
	}
}

status samba_recognise(const char *path, enum samba_kind *kind)
{
	const char *format = "flat";
	status rc = probe_file(path, &format);

	*kind = SAMBA_PLAIN;
	if (failed(rc))
		return rc;
	if (strcmp(format, "lmdb") == 0) {
		*kind = SAMBA_LMDB;
	} else if (strcmp(format, "tdb") == 0) {
		*kind = SAMBA_TDB;
		return look_at_head(path, kind);
	} else if (samba_promises_database(path)) {
		return status_fail(hrDatabaseCorrupted,
			"%s: neither a TDB nor an LMDB file, as its name says", path);
	}
	return STATUS_OK;
}

/* ---- through the library ---- */

static void keep_message(struct tdb_context *tdb, enum tdb_debug_level level,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

static void keep_message(
	struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
{
	struct samba_tdb *file = tdb_get_logging_private(tdb);
	va_list arguments;

	if (level > TDB_DEBUG_ERROR)
		return;
	va_start(arguments, format);
	(void)vsnprintf(file->said, sizeof(file->said), format, arguments);
	va_end(arguments);
	file->said[strcspn(file->said, "\n")] = '\0';
}

status samba_failure(const struct samba_tdb *file, const char *path)
{
	int err = errno;
	enum TDB_ERROR code = file->tdb ? tdb_error(file->tdb) : TDB_SUCCESS;
	const char *text = file->said[0] ? file->said : "TDB cannot read it";

	switch (code) {
	case TDB_ERR_OOM:
		return status_no_memory();
	case TDB_ERR_LOCK:
	case TDB_ERR_LOCK_TIMEOUT:
		return status_fail(STATUS_WIN32(ERROR_BUSY), "%s: it stays locked", path);
	case TDB_SUCCESS:
		if (err == EIO || err == EINVAL || err == ENOSYS)
			return status_fail(hrDatabaseCorrupted, "%s: %s", path, text);
		return status_errno(err, "%s", path);
	default:
		return status_fail(hrDatabaseCorrupted, "%s: %s", path, text);
	}
}

status samba_open(const char *path, bool resting, struct samba_tdb *file)
{
	const struct tdb_logging_context log = {
		.log_fn = keep_message, .log_private = file};

	*file = (struct samba_tdb){0};
	file->tdb = tdb_open_ex(path, 0, TDB_NOMMAP | (resting ? TDB_NOLOCK : 0),
		resting ? O_RDONLY : O_RDWR, 0, &log, NULL);
	return file->tdb ? STATUS_OK : samba_failure(file, path);
}

void samba_close(struct samba_tdb *file)
{
	if (file->tdb)
		(void)tdb_close(file->tdb);
	file->tdb = NULL;
}
