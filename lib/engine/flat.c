#include "engine/flat.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/flat_ca.h"
#include "engine/flat_copy.h"

struct engine_session {
	struct spool spool;
};

static void flat_end(struct engine_session *session)
{
	if (!session)
		return;
	spool_free(&session->spool);
	free(session);
}

static status flat_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s;
	status rc;

	*session = NULL;
	if (how->incremental)
		return status_fail(
			hrCircularLogging, "engine %s: keeps no logs", engine->name);
	s = calloc(1, sizeof(*s));
	if (!s)
		return status_no_memory();
	rc = spool_create(store->spool_dir, &s->spool);
	if (failed(rc)) {
		free(s);
		return rc;
	}
	rc = flat_copy(&store->databases, &s->spool);
	if (failed(rc))
		flat_end(s);
	else
		*session = s;
	return rc;
}

static status flat_databases(struct engine_session *session, struct engine_files *files)
{
	return spool_list(&session->spool, files);
}

static status flat_logs(struct engine_session *session, struct engine_files *files)
{
	(void)session;
	(void)files;
	return STATUS_OK;
}

static status flat_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	(void)read_hint;
	return spool_open(&session->spool, file->path, size);
}

static status flat_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	return spool_read(&session->spool, buffer, size, got);
}

static void flat_close(struct engine_session *session)
{
	spool_close(&session->spool);
}

/* ---- restored files ---- */

/* The file that is being read, kept open from one read to the next. */
struct in_place {
	const struct names *paths;
	size_t file;
	int fd; /* -1: none */
};

static status read_in_place(void *context, size_t file, uint64_t offset, void *buffer,
	size_t size, size_t *got)
{
	struct in_place *place = context;
	const char *path = place->paths->items[file];
	struct stat st;
	status rc;

	*got = 0;
	if (place->fd < 0 || place->file != file) {
		if (place->fd >= 0)
			(void)close(place->fd);
		rc = file_open_regular(path, FILE_TRUSTED, &place->fd, &st);
		if (failed(rc))
			return rc;
		place->file = file;
	}
	return file_pread(place->fd, buffer, size, offset, got, path);
}

static status check_in_place(const struct names *paths)
{
	struct in_place place = {.paths = paths, .fd = -1};
	const struct flat_ca_source source = {.context = &place, .read = read_in_place};
	status rc = flat_ca_check(paths, &source);

	if (place.fd >= 0)
		(void)close(place.fd);
	/* What was restored is one set: there is no other half to wait for. */
	if (rc == hrDatabaseInconsistent)
		rc = status_fail(hrDatabaseCorrupted, "%s", status_pending());
	return rc;
}

static status check_readable(const char *path)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return status_fail(hrDatabaseCorrupted,
			"%s: restored, but cannot be read (%s)", path, status_text(rc));
	(void)close(fd);
	return STATUS_OK;
}

static status flat_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	struct names paths = {0};
	status rc = STATUS_OK;

	(void)engine;
	(void)store;
	for (size_t i = 0; i < recovery->databases->count && !failed(rc); i++) {
		rc = check_readable(recovery->databases->items[i]);
		if (!failed(rc))
			rc = names_add(&paths, recovery->databases->items[i]);
	}
	names_sort(&paths);
	if (!failed(rc))
		rc = check_in_place(&paths);
	names_free(&paths);
	return rc;
}

/* Only an openssl index has a format to be checked. */
static status flat_verify(const struct engine *engine, const char *path)
{
	char *item = strdup(path);
	const struct names one = {.items = &item, .count = 1, .capacity = 1};
	struct in_place place = {.paths = &one, .fd = -1};
	const struct flat_ca_source source = {.context = &place, .read = read_in_place};
	struct stat st;
	bool index = false;
	status rc = item ? file_open_regular(path, FILE_TRUSTED, &place.fd, &st)
			 : status_no_memory();

	(void)engine;
	if (!failed(rc))
		rc = flat_ca_check_file(path, &source, &index);
	if (place.fd >= 0)
		(void)close(place.fd);
	free(item);
	return failed(rc) || index ? rc : S_FALSE;
}

const struct engine engine_flat = {
	.name = "flat",
	.traits = ENGINE_IN_CALLER,
	.begin = flat_begin,
	.databases = flat_databases,
	.logs = flat_logs,
	.open = flat_open,
	.read = flat_read,
	.close = flat_close,
	.end = flat_end,
	.recover = flat_recover,
	.verify = flat_verify,
};
