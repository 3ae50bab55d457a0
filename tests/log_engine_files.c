#include "log_engine_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define LARGEST ((size_t)1 << 20)
#define CURRENT "log.current"
#define DONE    "recovered\n"

struct log_replay log_replay;

static status read_text(const char *path, char **text)
{
	size_t size;

	*text = NULL;
	return file_read_at(AT_FDCWD, path, LARGEST, text, &size, NULL);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* ---- names ---- */

static bool parse_name(const char *name, uint32_t *generation, bool *part)
{
	char *end;

	if (strncmp(name, "log.", 4) != 0 || name[4] < '1' || name[4] > '9')
		return false;
	*generation = (uint32_t)strtoul(name + 4, &end, 10);
	*part = strncmp(end, ".part-", 6) == 0;
	return *part || *end == '\0';
}

static status header_of(
	const char *path, char *sequence, uint32_t *generation, char **text)
{
	status rc = read_text(path, text);

	if (failed(rc))
		return rc;
	if (sscanf(*text, "log %c %" SCNu32, sequence, generation) != 2 ||
		strchr(*text, 'X'))
		return status_fail(hrLogFileCorrupt, "%s: damaged", path);
	return STATUS_OK;
}

static status file_generation(const char *path, uint32_t *generation)
{
	const char *slash = strrchr(path, '/');
	bool part;

	if (parse_name(slash ? slash + 1 : path, generation, &part))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_NAME), "%s: no log", path);
}

static status generation_in(const char *path, uint32_t *generation)
{
	char *text, sequence;
	status rc = header_of(path, &sequence, generation, &text);

	free(text);
	return rc;
}

static status add_log(const char *dir, const char *name, struct engine_logs *logs)
{
	bool current = log_replay.current && strcmp(name, CURRENT) == 0;
	uint32_t generation = 0;
	bool part = false;
	struct stat st;
	char *path;
	status rc = STATUS_OK;

	if (!current && !parse_name(name, &generation, &part))
		return STATUS_OK;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return status_no_memory();
	if (current)
		rc = generation_in(path, &generation);
	if (failed(rc) || stat(path, &st) < 0) {
		free(path);
		return failed(rc) ? rc : status_errno(errno, "%s/%s", dir, name);
	}
	return engine_logs_take(logs, path, generation, (uint64_t)st.st_size, part);
}

static status file_find(
	const struct store_config *store, const char *dir, struct engine_logs *logs)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	status rc = STATUS_OK;

	(void)store;
	if (!stream)
		return errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", dir);
	while (!failed(rc) && (entry = readdir(stream)))
		rc = add_log(dir, entry->d_name, logs);
	(void)closedir(stream);
	engine_logs_sort(logs);
	return rc;
}

static status file_name(const struct store_config *store, const struct engine_log *log,
	bool newest, char **name)
{
	(void)store;
	*name = NULL;
	if (newest && log_replay.current)
		*name = strdup(CURRENT);
	else if (asprintf(name, "log.%" PRIu32, log->generation) < 0)
		*name = NULL;
	return *name ? STATUS_OK : status_no_memory();
}

/* ---- contents ---- */

static status file_continues(const struct engine_log *shorter,
	const struct engine_log *longer, bool *continues)
{
	char *a, *b = NULL;
	status rc = read_text(shorter->path, &a);

	if (!failed(rc))
		rc = read_text(longer->path, &b);
	if (!failed(rc))
		*continues = strncmp(a, b, strlen(a)) == 0;
	free(a);
	free(b);
	return rc;
}

static status file_check(
	const struct store_config *store, const struct engine_log *logs, size_t count)
{
	char first = '\0', sequence = '\0';
	status rc = STATUS_OK;

	(void)store;
	for (size_t i = 0; i < count && !failed(rc); i++) {
		uint32_t generation;
		char *text;

		rc = header_of(logs[i].path, &sequence, &generation, &text);
		if (i == 0)
			first = sequence;
		if (!failed(rc) &&
			(generation != logs[i].generation || sequence != first ||
				(i + 1 < count && !strstr(text, "\nend\n"))))
			rc = status_fail(hrGivenLogFileIsNotContiguous,
				"%s: does not go with the others", logs[i].path);
		free(text);
	}
	return rc;
}

/* ---- the directory ---- */

static status add_found(const char *dir, const char *name, struct names *names)
{
	char *path;

	if (!names)
		return STATUS_OK;
	return names_take(names, asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path);
}

static status survey_dir(
	const char *dir, struct names *databases, struct names *leftovers)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	status rc = STATUS_OK;

	if (!stream)
		return errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", dir);
	while (!failed(rc) && (entry = readdir(stream))) {
		const char *name = entry->d_name;

		if (ends_with(name, ".db"))
			rc = add_found(dir, name, databases);
		else if (strcmp(name, "__db.001") == 0 || strcmp(name, "guardian") == 0)
			rc = add_found(dir, name, leftovers);
	}
	(void)closedir(stream);
	return rc;
}

static status file_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	const char *home = store->databases.items[0];
	char *sub;
	status rc = survey_dir(home, databases, leftovers);

	if (!failed(rc) && asprintf(&sub, "%s/sub", home) < 0)
		rc = status_no_memory();
	else if (!failed(rc)) {
		rc = survey_dir(sub, databases, leftovers);
		free(sub);
	}
	if (databases)
		names_sort(databases);
	return rc;
}

/* ---- replay ---- */

/* ADDED to NAME in DIR, or, where that is not there, a file of that content. Durable: a
 * test takes away what was not synced. */
static status write_in(const char *dir, const char *name, const char *added)
{
	char *path, *text = NULL, *whole;
	int dirfd;
	status rc = file_open_dir(dir, FILE_TRUSTED, &dirfd);

	if (failed(rc))
		return rc;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	if (!path)
		rc = status_no_memory();
	else if (access(path, F_OK) == 0)
		rc = read_text(path, &text);
	if (!failed(rc) && asprintf(&whole, "%s%s", text ? text : "", added) < 0)
		rc = status_no_memory();
	else if (!failed(rc)) {
		rc = file_replace_at(dirfd, name, whole, strlen(whole), 0600);
		free(whole);
	}
	free(text);
	free(path);
	(void)close(dirfd);
	return rc;
}

static status create_in(const char *dir, const char *name, const char *content)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0 ? STATUS_OK : write_in(dir, name, content);
}

static status replay_line(const struct engine_recovery *r, const char *line)
{
	char name[64];

	if (sscanf(line, "create %63s", name) == 1 && r->home)
		return create_in(r->home, name, "made by replay\n");
	return STATUS_OK;
}

static status replay_text(const struct engine_recovery *r, char *text)
{
	status rc = STATUS_OK;

	for (char *line = strtok(text, "\n"); line && !failed(rc);
		line = strtok(NULL, "\n")) {
		if (strncmp(line, "log ", 4) == 0 || strcmp(line, "end") == 0 ||
			strcmp(line, "recovered") == 0)
			continue;
		(void)strcat(strcat(log_replay.changes, line), " ");
		rc = replay_line(r, line);
	}
	return rc;
}

static status replay_opened(const struct engine_recovery *r, const char *name,
	const char *path, uint32_t generation)
{
	bool done = false;
	char *text = NULL, sequence;
	uint32_t found;
	status rc = header_of(path, &sequence, &found, &text);

	if (!failed(rc) && found != generation)
		rc = status_fail(hrLogFileCorrupt, "%s: another generation", path);
	if (!failed(rc)) {
		done = ends_with(text, DONE);
		rc = replay_text(r, text);
	}
	if (!failed(rc) && generation == r->high && !done)
		rc = write_in(r->log_dir, name, DONE);
	free(text);
	return rc;
}

static status replay_log(const struct engine_recovery *r, uint32_t generation)
{
	const struct engine_log log = {.generation = generation};
	char *name, *path;
	status rc = file_name(NULL, &log, generation == r->high, &name);

	if (failed(rc))
		return rc;
	if (asprintf(&path, "%s/%s", r->log_dir, name) < 0)
		path = NULL;
	rc = path ? replay_opened(r, name, path, generation) : status_no_memory();
	free(path);
	free(name);
	return rc;
}

static status check_databases(const struct names *databases)
{
	for (size_t i = 0; i < databases->count; i++)
		if (access(databases->items[i], R_OK) < 0)
			return status_errno(errno, "%s", databases->items[i]);
	return STATUS_OK;
}

static status file_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *r)
{
	char name[32], head[32];
	status rc = check_databases(r->databases);

	(void)engine;
	(void)store;
	log_replay.changes[0] = '\0';
	log_replay.low = r->low;
	log_replay.high = r->high;
	log_replay.databases = r->databases->count;
	(void)snprintf(log_replay.log_dir, sizeof(log_replay.log_dir), "%s", r->log_dir);
	(void)snprintf(
		log_replay.home, sizeof(log_replay.home), "%s", r->home ? r->home : "");
	for (uint32_t n = r->low; n && n <= r->high && !failed(rc); n++)
		rc = replay_log(r, n);
	if (!failed(rc) && log_replay.makes_log) {
		(void)snprintf(name, sizeof(name), "log.%" PRIu32, r->high + 1);
		(void)snprintf(head, sizeof(head), "log A %" PRIu32 "\n", r->high + 1);
		rc = create_in(r->log_dir, name, head);
	}
	return failed(rc) ? rc : log_replay.result;
}

#define OPERATIONS                                                                       \
	.recover = file_recover, .generation = file_generation, .find_logs = file_find,  \
	.log_continues = file_continues, .check_logs = file_check, .log_name = file_name

const struct engine log_engine_of_files = {
	.name = "log", .traits = ENGINE_LOGS, OPERATIONS};

const struct engine log_engine_of_directory = {
	.name = "log",
	.traits = ENGINE_LOGS | ENGINE_DIRECTORY | ENGINE_LOGGED_NAMES,
	OPERATIONS,
	.survey = file_survey,
};

status __real_engine_for_files(
	const char *name, const struct names *paths, const struct engine **engine);
status __wrap_engine_for_files(
	const char *name, const struct names *paths, const struct engine **engine);

status __wrap_engine_for_files(
	const char *name, const struct names *paths, const struct engine **engine)
{
	if (!log_engine.in_use)
		return __real_engine_for_files(name, paths, engine);
	*engine = log_engine.engine;
	return STATUS_OK;
}
