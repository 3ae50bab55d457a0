/* Starting a worker, and what it is asked outside of sessions. */
#include "engine/worker.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wildcard.h"
#include "engine/owner.h"
#include "engine/worker_common.h"

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

status worker_start(const struct engine *engine, const struct store_config *store,
	const struct names *files, int spool_fd, struct link **link)
{
	return start_as(owner_of_store(files), engine->name, store, spool_fd, link);
}

/* ---- what a worker may list ---- */

/* The next name of *PATH in NAME, which has room for SIZE bytes; false where there is none,
 * or none that fits. */
static bool next_name(const char **path, char *name, size_t size)
{
	const char *start = *path + strspn(*path, "/");
	size_t length = strcspn(start, "/");

	if (length == 0 || length >= size)
		return false;
	memcpy(name, start, length);
	name[length] = '\0';
	*path = start + length;
	return true;
}

static bool at_end(const char *path)
{
	return !path[strspn(path, "/")];
}

/* Does PATH, name by name, begin with what PATTERN matches? *REST is what follows then. */
static bool path_begins(
	const char *pattern, const char *path, bool literal, const char **rest)
{
	char name[NAME_MAX + 1], wanted[PROTOCOL_PATH_LIMIT];

	while (!at_end(pattern)) {
		if (!next_name(&pattern, wanted, sizeof(wanted)) ||
			!next_name(&path, name, sizeof(name)))
			return false;
		if (!literal && wildcard_present(wanted) ? !wildcard_match(wanted, name)
							 : strcmp(wanted, name) != 0)
			return false;
	}
	*rest = path;
	return true;
}

bool worker_path_is_in(const char *dir, const char *path)
{
	char name[NAME_MAX + 1];

	return path_begins(dir, path, true, &path) &&
	       next_name(&path, name, sizeof(name)) && at_end(path);
}

bool worker_may_list(
	const struct engine *engine, const struct names *databases, const char *path)
{
	const bool below = engine->traits & ENGINE_DIRECTORY;

	for (size_t i = 0; i < databases->count; i++) {
		const char *rest;

		if (path_begins(databases->items[i], path, below, &rest) &&
			(below || at_end(rest)))
			return true;
	}
	return false;
}

/* ---- the operations ---- */

status worker_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	const struct owner owner = owner_of_recovery(recovery->home, recovery->databases);
	struct buffer request = {0};
	struct link *link;
	status rc = start_as(owner, engine->name, store, -1, &link);

	if (failed(rc))
		return rc;
	protocol_put_recover(&request, recovery);
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
	rc = worker_start(engine, &nothing, &file, -1, &link);
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
