/* TDB's own check follows every record. Samba's list of partitions is a record of sam.ldb:
 * a directory may be sound file by file, and still lack one. */
#include "engine/tdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mdb_check.h"
#include "engine/mdb_copy.h"

enum { LOOK_EVERY = 256 }; /* records between two looks for the caller */

struct check {
	const struct hosted_engine *host;
	unsigned records;
	bool gone;
};

static int look_for_caller(TDB_DATA key, TDB_DATA data, void *context)
{
	struct check *check = context;

	(void)key;
	(void)data;
	if (++check->records % LOOK_EVERY == 0 &&
		check->host->caller_gone(check->host->context))
		check->gone = true;
	return check->gone ? -1 : 0;
}

/* The last thing that TDB's check looks at, after all records and chains: it does not see
 * the space for undoing a transaction, once one was killed while it made the file grow.
 * TDB itself makes do without. */
static bool is_harmless(const char *said)
{
	static const char harmless[] = "Expected a recovery area";

	return strstr(said, harmless) != NULL;
}

static status check_tdb(const struct hosted_engine *host, const char *path)
{
	struct check check = {.host = host};
	struct samba_tdb file;
	status rc = samba_open(path, true, &file);

	if (failed(rc))
		return rc;
	if (tdb_check(file.tdb, look_for_caller, &check) != 0 &&
		!is_harmless(file.said)) {
		if (check.gone)
			rc = status_fail(STATUS_WIN32(ERROR_CANCELLED),
				"%s: the caller is gone", path);
		else if (tdb_error(file.tdb) == TDB_ERR_OOM)
			rc = status_no_memory();
		else
			rc = status_fail(hrDatabaseCorrupted, "%s: %s", path,
				file.said[0] ? file.said : "damaged");
	}
	samba_close(&file);
	return rc;
}

static status check_lmdb(const struct hosted_engine *host, const char *path)
{
	status rc = lmdb_check_file(host, path);

	return failed(rc) ? rc : lmdb_open_resting(path);
}

status samba_check_file(const struct hosted_engine *host, const char *path)
{
	enum samba_kind kind;
	status rc = samba_recognise(path, &kind);

	if (failed(rc))
		return rc;
	switch (kind) {
	case SAMBA_TDB:
		return check_tdb(host, path);
	case SAMBA_LMDB:
		return check_lmdb(host, path);
	case SAMBA_PLAIN:
	case SAMBA_PASSING:
		break;
	}
	return STATUS_OK;
}

/* ---- partitions ---- */

/* Each value ends with a NUL: the partition's name, a colon, and where it is below HOME. */
static status check_list(const char *home, const char *sam, const struct names *databases,
	const TDB_DATA *record)
{
	static const char mark[] = ":" SAMBA_SAM ".d/";
	const char *at = (const char *)record->dptr, *end = at + record->dsize;
	size_t found = 0;

	while ((at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)) != NULL) {
		char *path;
		bool there;

		at++;
		if (!memchr(at, '\0', (size_t)(end - at)))
			break;
		if (asprintf(&path, "%s/%s", home, at) < 0)
			return status_no_memory();
		there = names_contains(databases, path);
		free(path);
		if (!there)
			return status_fail(hrDatabaseInconsistent,
				"%s/%s: missing, and a partition of %s", home, at, sam);
		found++;
	}
	if (found)
		return STATUS_OK;
	return status_fail(hrDatabaseInconsistent, "%s: names no partitions", sam);
}

static status check_sam(const char *home, const char *path, const struct samba_tdb *sam,
	const struct names *databases)
{
	static char name[] = "DN=@PARTITION";
	const TDB_DATA key = {.dptr = (unsigned char *)name, .dsize = sizeof(name)};
	TDB_DATA record = tdb_fetch(sam->tdb, key);
	status rc;

	if (record.dptr)
		rc = check_list(home, path, databases, &record);
	else
		rc = status_fail(hrDatabaseInconsistent, "%s: names no partitions", path);
	free(record.dptr);
	return rc;
}

static status check_resting_sam(
	const char *home, const char *path, const struct names *databases)
{
	struct samba_tdb sam;
	status rc = samba_open(path, true, &sam);

	if (!failed(rc))
		rc = check_sam(home, path, &sam, databases);
	samba_close(&sam);
	return rc;
}

static status require(const char *path, const struct names *databases)
{
	if (names_contains(databases, path))
		return STATUS_OK;
	return status_fail(hrDatabaseInconsistent, "%s: missing", path);
}

status samba_check_partitions(
	const char *home, const struct samba_tdb *sam, const struct names *databases)
{
	char *path, *metadata = NULL;
	status rc;

	if (asprintf(&path, "%s/" SAMBA_SAM, home) < 0)
		return status_no_memory();
	if (asprintf(&metadata, "%s/" SAMBA_METADATA, home) < 0) {
		free(path);
		return status_no_memory();
	}
	rc = require(path, databases);
	if (!failed(rc))
		rc = require(metadata, databases);
	if (!failed(rc))
		rc = sam ? check_sam(home, path, sam, databases)
			 : check_resting_sam(home, path, databases);
	free(metadata);
	free(path);
	return rc;
}
