/*
 * backup: the state is frozen by the family's Prepare; the set is written beside its
 * target, synced and named; only then are logs truncated and the backup recorded. On any
 * failure before that the session is abandoned, so that no set that nobody has becomes a
 * base.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/digest.h"
#include "common/dynamic.h"
#include "common/listing.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/set_writer.h"
#include "common/signals.h"
#include "common/str.h"

struct backup {
	const struct family *family;
	const char *server; /* as typed */
	const char *target;
	bool incremental, truncate;
	struct backupapi_server_info *status;
	struct set_writer *writer;
	struct token token;
	struct setinfo info;
	struct listing databases, logs, dynamic;
	void *session;
	bool open; /* a session is */
	bool published;
};

/* ---- what the set will be ---- */

static bool read_status(struct backup *b)
{
	int32_t rc = backupapi_server_status(b->server, &b->status);

	return !FAILED(rc) || report_call(rc, b->server);
}

static char *host_name(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)) != 0)
		return NULL;
	name[sizeof(name) - 1] = '\0';
	return xstrdup(name);
}

static void describe(struct backup *b)
{
	const struct backupapi_server_info *status = b->status;
	struct setinfo *info = &b->info;

	info->server = xstrdup(status->name);
	info->family = xstrdup(b->family->name);
	info->engine = xstrdup(status->engine);
	info->kind = xstrdup(b->incremental ? "incremental" : "full");
	info->host = host_name();
	info->library = xstrdup(backupapi_version());
	info->base_time = b->incremental ? status->last_full_time : 0;
	for (const char *p = status->databases; *p; p += strlen(p) + 1)
		strings_take(&info->databases, xstrdup(p));
	info->log_dir = status->log_dir ? xstrdup(status->log_dir) : NULL;
	info->system_dir = status->system_dir ? xstrdup(status->system_dir) : NULL;
	setinfo_make_id(info);
}

static bool prepare(struct backup *b)
{
	WCHAR *name = str_widen(b->server);
	int32_t rc;

	b->info.started = (int64_t)time(NULL);
	rc = b->family->backup_prepare(name, b->incremental, &b->token, &b->session);
	free(name);
	b->open = !FAILED(rc);
	return b->open || report_call(rc, b->server);
}

static bool list_dynamic(struct backup *b)
{
	const struct family *family = b->family;
	char *paths;
	int32_t rc;
	bool ok;

	if (family->get_dynamic)
		return listing_get(&b->dynamic, family, family->get_dynamic, b->session,
			false, b->server);
	rc = backupapi_dynamic_files(b->server, &paths, NULL);
	if (FAILED(rc))
		return report_call(rc, b->server);
	ok = listing_of_paths(&b->dynamic, paths);
	backupapi_free(paths);
	return ok;
}

static bool list_files(struct backup *b)
{
	const struct family *family = b->family;

	if (!b->incremental && !listing_get(&b->databases, family, family->get_databases,
				       b->session, true, b->server))
		return false;
	return list_dynamic(b);
}

/* ---- sizes ---- */

/* What each file will be as streamed: opening tells. */
static bool measure(struct backup *b, struct listing *files, uint64_t *total)
{
	for (size_t i = 0; i < files->count; i++) {
		struct listed *file = &files->items[i];
		int32_t rc = b->family->open(
			b->session, file->name, DIGEST_CHUNK, &file->size);

		if (!FAILED(rc))
			rc = b->family->close(b->session);
		if (FAILED(rc))
			return report_call(rc, file->path);
		*total += file->size;
	}
	return true;
}

static void measure_dynamic(struct listing *files, uint64_t *total)
{
	for (size_t i = 0; i < files->count; i++) {
		struct stat st;

		if (stat(files->items[i].path, &st) == 0 && S_ISREG(st.st_mode))
			files->items[i].size = (uint64_t)st.st_size;
		*total += files->items[i].size;
	}
}

/* Which logs will be needed is known only after the databases; that all there are have
 * room is a safe guess. */
static uint64_t guess_logs(const struct backup *b)
{
	uint64_t total = 0;

	return b->status->has_logs && directory_size(b->status->log_dir, &total) ? total
										 : 0;
}

static bool check_room(struct backup *b, uint64_t *total)
{
	*total = 0;
	if (!measure(b, &b->databases, total))
		return false;
	measure_dynamic(&b->dynamic, total);
	*total += guess_logs(b);
	return set_writer_check_room(
		b->writer, *total, b->databases.count + b->dynamic.count);
}

/* ---- streaming ---- */

struct reading {
	const struct backup *backup;
	const char *path;
};

static bool read_session(void *context, void *buffer, size_t size, size_t *got)
{
	const struct reading *reading = context;
	const struct backup *b = reading->backup;
	uint32_t n = 0;
	int32_t rc = b->family->read(b->session, buffer, (uint32_t)size, &n);

	*got = n;
	return !FAILED(rc) || report_call(rc, reading->path);
}

static bool stream_file(struct backup *b, const struct listed *file, enum item_kind kind)
{
	struct reading reading = {.backup = b, .path = file->path};
	struct source source = {.read = read_session, .context = &reading};
	uint64_t size;
	int32_t rc = b->family->open(b->session, file->name, DIGEST_CHUNK, &size);

	if (FAILED(rc))
		return report_call(rc, file->path);
	if (!set_writer_add(b->writer, kind, file->path, -1, &source))
		return false;
	rc = b->family->close(b->session);
	return !FAILED(rc) || report_call(rc, file->path);
}

static enum item_kind kind_of(unsigned tag)
{
	switch (tag) {
	case TAG_DATABASE:
		return ITEM_DATABASE;
	case TAG_PATCH:
		return ITEM_PATCH;
	default:
		return ITEM_LOG;
	}
}

static bool stream_all(struct backup *b, const struct listing *files)
{
	for (size_t i = 0; i < files->count; i++)
		if (signals_caught() ||
			!stream_file(b, &files->items[i], kind_of(files->items[i].tag)))
			return false;
	return true;
}

static bool note_generation(
	struct setinfo *info, const char *server, const struct listed *log)
{
	uint32_t generation;
	int32_t rc;

	if (log->tag != TAG_LOG)
		return true;
	rc = backupapi_log_generation(server, log->name, &generation);
	if (FAILED(rc))
		return report_call(rc, log->path);
	if (info->log_high == 0 || generation < info->log_low)
		info->log_low = generation;
	if (generation > info->log_high)
		info->log_high = generation;
	return true;
}

static bool stream_logs(struct backup *b)
{
	const struct family *family = b->family;
	uint64_t total = 0;

	if (!listing_get(&b->logs, family, family->get_logs, b->session, true, b->server))
		return false;
	for (size_t i = 0; i < b->logs.count; i++)
		if (!note_generation(&b->info, b->server, &b->logs.items[i]))
			return false;
	return measure(b, &b->logs, &total) &&
	       set_writer_check_room(b->writer, total, b->logs.count) &&
	       stream_all(b, &b->logs);
}

static bool save_token(struct backup *b)
{
	return b->token.size == 0 ||
	       set_writer_add_data(b->writer, "token", b->token.data, b->token.size);
}

static bool write_set(struct backup *b)
{
	uint64_t total;

	if (!list_files(b) || !check_room(b, &total) || !set_writer_begin(b->writer))
		return false;
	progress_begin("backup", total);
	if (!stream_all(b, &b->databases) || !stream_logs(b) ||
		!dynamic_save(b->writer, &b->dynamic) || !save_token(b))
		return false;
	progress_end();
	b->info.finished = (int64_t)time(NULL);
	return set_writer_publish(b->writer, &b->info);
}

/* ---- the end ---- */

/* The set is safe: now the logs may go, and the backup counts, from the moment on when the
 * first of them does. */
static bool conclude(struct backup *b)
{
	int32_t rc = b->truncate ? b->family->truncate(b->session) : S_OK;

	if (FAILED(rc)) {
		report_call(rc, b->server);
		return report_plain(
			"%s is complete, but truncating the logs failed: what the "
			"next incremental backup continues is in the status",
			b->target);
	}
	b->open = false;
	rc = b->family->backup_end(b->session);
	if (!FAILED(rc))
		return true;
	report_call(rc, b->server);
	return report_plain("%s is complete, but the backup is not recorded", b->target);
}

static void abandon(struct backup *b)
{
	int32_t rc;

	if (!b->open)
		return;
	b->open = false;
	rc = backupapi_backup_abandon(b->session);
	if (FAILED(rc))
		report_call(rc, b->server);
}

static void announce(const struct backup *b)
{
	char *shown = str_display(b->target), bytes[STR_BYTES_SIZE];

	str_bytes((double)set_writer_bytes(b->writer), bytes);
	report_result("%s: %s backup of %s, %llu files, %s", shown, b->info.kind,
		b->info.server, (unsigned long long)set_writer_files(b->writer), bytes);
	free(shown);
}

static void release(struct backup *b)
{
	listing_free(&b->databases);
	listing_free(&b->logs);
	listing_free(&b->dynamic);
	setinfo_free(&b->info);
	free(b->token.data);
	set_writer_free(b->writer);
	backupapi_free(b->status);
}

static bool run(struct backup *b)
{
	b->writer = set_writer_new(b->target);
	/* What the status tells of earlier backups stays so while the session lasts. */
	if (!b->writer || !prepare(b) || !read_status(b))
		return false;
	describe(b);
	b->published = write_set(b);
	return b->published && conclude(b);
}

int cmd_backup(const struct family *family, const struct options *options)
{
	struct backup b = {
		.family = family,
		.server = options->operands[0],
		.target = options->operands[1],
		.incremental = options->given & OPTION_INCREMENTAL,
		.truncate = options->given & OPTION_TRUNCATE,
	};
	bool done = run(&b);

	progress_end();
	abandon(&b);
	if (done)
		announce(&b);
	else if (signals_caught() && !b.published)
		report_plain("stopped by %s; no set was written",
			signals_name(signals_caught()));
	release(&b);
	if (done || b.published)
		return done ? EXIT_DONE : EXIT_FAILED;
	return signals_exit_status(EXIT_FAILED);
}
