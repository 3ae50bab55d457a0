/* Copies are read from the caller's own descriptor of the spool: no byte of them goes
 * over the socket. What the worker tells about the spool is believed only as far as it
 * was checked here. */
#include "engine/worker.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/link.h"
#include "engine/owner.h"
#include "base/wildcard.h"

struct engine_session {
	struct link *link;
	struct spool spool;
};

static status start_as(struct owner owner, const char *engine,
	const struct store_config *store, int spool_fd, struct link **link)
{
	char *name = strdup(engine);
	struct hello hello = {
		.engine = name, .uid = owner.uid, .gid = owner.gid, .store = *store};
	status rc = name ? link_start(&hello, spool_fd, link) : status_no_memory();

	free(name);
	return rc;
}

static status start(const struct engine *engine, const struct store_config *store,
	const struct names *files, int spool_fd, struct link **link)
{
	return start_as(owner_of_store(files), engine->name, store, spool_fd, link);
}

/* ---- the index ---- */

/* Does PATH match PATTERN, name by name? */
static bool path_matches(const char *pattern, const char *path)
{
	char name[NAME_MAX + 1], wanted[PROTOCOL_PATH_LIMIT];

	for (;;) {
		size_t length, wanted_length;

		pattern += strspn(pattern, "/");
		path += strspn(path, "/");
		if (!*pattern || !*path)
			return !*pattern && !*path;
		wanted_length = strcspn(pattern, "/");
		length = strcspn(path, "/");
		if (length >= sizeof(name) || wanted_length >= sizeof(wanted))
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		memcpy(wanted, pattern, wanted_length);
		wanted[wanted_length] = '\0';
		if (!(wildcard_present(wanted) ? wildcard_match(wanted, name)
					       : strcmp(wanted, name) == 0))
			return false;
		pattern += wanted_length;
		path += length;
	}
}

/* Root restores what a backup lists: a worker of another user may list only what the
 * configuration names. */
static bool is_configured(const struct names *patterns, const char *path)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (path_matches(patterns->items[i], path))
			return true;
	return false;
}

struct index {
	struct spool *spool;
	const struct names *patterns;
	uint64_t written; /* the spool's size */
};

static status accept_entry(void *context, const struct spool_entry *entry)
{
	const struct index *index = context;
	struct spool *spool = index->spool;
	const char *problem = NULL;

	if (spool->count >= PROTOCOL_INDEX_LIMIT)
		problem = "too many entries";
	else if (!is_configured(index->patterns, entry->path))
		problem = "a file that is not configured";
	else if (spool->count &&
		 strcmp(spool->entries[spool->count - 1].path, entry->path) >= 0)
		problem = "entries out of order";
	else if (spool->count &&
		 entry->offset < spool->entries[spool->count - 1].offset +
					 spool->entries[spool->count - 1].size)
		problem = "entries that overlap";
	else if (entry->size > index->written ||
		 entry->offset > index->written - entry->size)
		problem = "an entry beyond the spool's end";
	if (problem)
		return status_fail(
			hrCommunicationError, "store worker: its index has %s", problem);
	spool->end = entry->offset;
	return spool_note(spool, entry->path, entry->size);
}

static status accept_index(void *context, const struct message *message)
{
	if (message->type != MESSAGE_INDEX)
		return protocol_unexpected();
	return protocol_get_index(message, accept_entry, context);
}

static status fetch_index(
	struct engine_session *session, const struct store_config *store)
{
	struct index index = {.spool = &session->spool, .patterns = &store->databases};
	const struct buffer nothing = {0};
	struct stat st;
	status rc;

	if (fstat(session->spool.fd, &st) < 0)
		return status_errno(errno, "%s: spool", store->spool_dir);
	index.written = (uint64_t)st.st_size;
	rc = link_call(session->link, MESSAGE_DATABASES, &nothing, accept_index, &index);
	if (!failed(rc))
		spool_seal(&session->spool);
	return rc;
}

/* ---- the operations ---- */

status worker_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	struct buffer request = {0};
	status rc;

	*session = NULL;
	if (!s)
		return status_no_memory();
	rc = spool_create(store->spool_dir, &s->spool);
	if (!failed(rc))
		rc = start(engine, store, &store->databases, s->spool.fd, &s->link);
	if (!failed(rc)) {
		protocol_put_begin(&request, how);
		rc = link_call(s->link, MESSAGE_BEGIN, &request, NULL, NULL);
	}
	if (!failed(rc))
		rc = fetch_index(s, store);
	buffer_free(&request);
	if (failed(rc))
		worker_end(s);
	else
		*session = s;
	return rc;
}

status worker_databases(struct engine_session *session, struct engine_files *files)
{
	return spool_list(&session->spool, files);
}

/* The engines that live in the worker keep no logs. */
status worker_logs(struct engine_session *session, struct engine_files *files)
{
	(void)session;
	(void)files;
	return STATUS_OK;
}

status worker_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	(void)read_hint;
	return spool_open(&session->spool, file->path, size);
}

status worker_read(struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	return spool_read(&session->spool, buffer, size, got);
}

void worker_close(struct engine_session *session)
{
	spool_close(&session->spool);
}

void worker_end(struct engine_session *session)
{
	if (!session)
		return;
	link_end(session->link);
	spool_free(&session->spool);
	free(session);
}

status worker_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	struct buffer request = {0};
	struct link *link;
	status rc = start(engine, store, recovery->databases, -1, &link);

	if (failed(rc))
		return rc;
	protocol_put_recover(
		&request, recovery->databases, recovery->log_dir, recovery->system_dir);
	rc = link_call(link, MESSAGE_RECOVER, &request, NULL, NULL);
	buffer_free(&request);
	link_end(link);
	return rc;
}

/* The worker may run elsewhere: it is told absolute paths only. */
static status absolute(const char *path, char **full)
{
	*full = realpath(path, NULL);
	return *full ? STATUS_OK : status_errno(errno, "%s", path);
}

status worker_verify(const struct engine *engine, const char *path)
{
	const struct store_config nothing = {0};
	struct buffer request = {0};
	struct link *link = NULL;
	char *full;
	status rc = absolute(path, &full);
	const struct names file = {.items = &full, .count = 1, .capacity = 1};

	if (failed(rc))
		return rc;
	rc = start(engine, &nothing, &file, -1, &link);
	if (!failed(rc)) {
		protocol_put_text(&request, full);
		rc = link_call(link, MESSAGE_VERIFY, &request, NULL, NULL);
		buffer_free(&request);
		link_end(link);
	}
	free(full);
	return rc;
}

/* ---- formats ---- */

struct probe {
	struct names *engines;
	size_t asked; /* how many engines there must be at the end, at the most */
};

static status accept_engines(void *context, const struct message *message)
{
	const struct probe *probe = context;
	status rc;

	if (message->type != MESSAGE_ENGINES)
		return protocol_unexpected();
	rc = protocol_get_engines(message, probe->engines);
	if (!failed(rc) && probe->engines->count > probe->asked)
		rc = status_fail(hrCommunicationError,
			"store worker: more engines than files were asked for");
	return rc;
}

/* What one request may ask for. */
static size_t portion(char *const *paths, size_t count)
{
	size_t size = 0, n = 0;

	while (n < count && size < PROTOCOL_PROBE_CHUNK)
		size += strlen(paths[n++]) + sizeof(uint32_t);
	return n;
}

static status probe_portion(
	struct link *link, char **paths, size_t count, struct names *engines)
{
	const struct names some = {.items = paths, .count = count, .capacity = count};
	struct probe probe = {.engines = engines, .asked = engines->count + count};
	struct buffer request = {0};
	status rc;

	protocol_put_names(&request, &some);
	rc = link_call(link, MESSAGE_PROBE, &request, accept_engines, &probe);
	buffer_free(&request);
	if (!failed(rc) && engines->count != probe.asked)
		rc = status_fail(hrCommunicationError,
			"store worker: fewer engines than files were asked for");
	return rc;
}

static status probe_as(
	struct owner owner, const struct names *paths, struct names *engines)
{
	const struct store_config nothing = {0};
	struct link *link;
	status rc = start_as(owner, "auto", &nothing, -1, &link);

	if (failed(rc))
		return rc;
	for (size_t done = 0; done < paths->count && !failed(rc);) {
		size_t count = portion(paths->items + done, paths->count - done);

		rc = probe_portion(link, paths->items + done, count, engines);
		done += count;
	}
	link_end(link);
	return rc;
}

/* As `absolute`, but links stay what they are: the worker judges them. */
static status absolute_all(const struct names *paths, struct names *full)
{
	status rc = STATUS_OK;
	char *dir = getcwd(NULL, 0);

	for (size_t i = 0; i < paths->count && !failed(rc); i++) {
		char *path;

		if (*paths->items[i] == '/') {
			rc = names_add(full, paths->items[i]);
			continue;
		}
		if (!dir) {
			rc = status_errno(errno, "%s", paths->items[i]);
			continue;
		}
		if (asprintf(&path, "%s/%s", dir, paths->items[i]) < 0)
			path = NULL;
		rc = names_take(full, path);
	}
	free(dir);
	return rc;
}

/* An owner who may not read his own files cannot have a live database there: only flat
 * files can be meant, which the caller reads himself. */
status worker_probe(const struct names *paths, struct names *engines)
{
	const struct owner caller = {.uid = geteuid(), .gid = getegid()};
	const struct names first = {.items = paths->items, .count = 1, .capacity = 1};
	const struct owner owner = owner_of_store(&first);
	struct names full = {0};
	status rc = absolute_all(paths, &full);

	if (!failed(rc))
		rc = probe_as(owner, &full, engines);
	if (rc == STATUS_WIN32(ERROR_ACCESS_DENIED) && owner.uid != caller.uid) {
		names_free(engines);
		rc = probe_as(caller, &full, engines);
	}
	names_free(&full);
	return rc;
}
