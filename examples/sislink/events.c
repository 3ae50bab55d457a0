#include "sislink/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"

static const struct kind {
	uint32_t kind;
	const char *json; /* NULL: not for JSON */
	const char *text; /* before the path */
	const char *other;
} kinds[] = {
	{BACKUPAPI_SIS_DUPLICATE, "duplicate", "duplicate", "is the same as"},
	{BACKUPAPI_SIS_LINKED, "linked", "linked", "is now a link to"},
	{BACKUPAPI_SIS_UNLINKED, "unlinked", "unlinked", NULL},
	{BACKUPAPI_SIS_SKIPPED, "skipped", "left alone", NULL},
	{BACKUPAPI_SIS_DAMAGED, "damaged", "damaged", NULL},
	{BACKUPAPI_SIS_ORPHANED, "orphaned", "no link needs", NULL},
	{BACKUPAPI_SIS_REMOVED, "removed", "removed", NULL},
};

static const struct kind *find_kind(uint32_t kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

/* ---- JSON ---- */

void events_begin(struct events *events, const char *command, const char *volume)
{
	if (!events->json)
		return;
	json_object(NULL);
	json_text("command", command);
	json_text("volume", volume);
	json_array("events");
}

static void print_json(const struct kind *kind, const struct backupapi_sis_event *event)
{
	progress_clear();
	json_object(NULL);
	json_text("event", kind->json);
	json_text("path", event->path);
	if (event->other)
		json_text("other", event->other);
	if (event->reason)
		json_text("reason", event->reason);
	json_number("bytes", (int64_t)event->bytes);
	json_end();
}

/* ---- text ---- */

/* Explanations mostly name the file themselves. */
static char *describe(const struct backupapi_sis_event *event)
{
	char *text, *shown;

	if (strncmp(event->reason, event->path, strlen(event->path)) == 0)
		return str_display(event->reason);
	text = xasprintf("%s: %s", event->path, event->reason);
	shown = str_display(text);
	free(text);
	return shown;
}

static void print_reason(const struct backupapi_sis_event *event)
{
	char *text = describe(event);

	if (event->kind == BACKUPAPI_SIS_DAMAGED)
		report_plain("%s", text);
	else
		report_note("left alone: %s", text);
	free(text);
}

static void print_text(const struct kind *kind, const struct backupapi_sis_event *event)
{
	char *path = str_display(event->path);
	char *other = event->other ? str_display(event->other) : NULL;

	if (other)
		report_result("%s %s %s", path, kind->other, other);
	else
		report_result("%s: %s", kind->text, path);
	free(other);
	free(path);
}

/* ---- both ---- */

static void show_progress(struct events *events, const struct backupapi_sis_event *event)
{
	if (!events->shown) {
		progress_begin(events->what, event->total_bytes);
		events->shown = true;
	}
	progress_add(event->done_bytes - events->done);
	events->done = event->done_bytes;
}

int events_take(void *context, const struct backupapi_sis_event *event)
{
	struct events *events = context;
	const struct kind *kind = find_kind(event->kind);

	if (event->kind == BACKUPAPI_SIS_PROGRESS)
		show_progress(events, event);
	else if (kind && events->json)
		print_json(kind, event);
	if (kind && event->reason &&
		(!events->json || kind->kind == BACKUPAPI_SIS_DAMAGED))
		print_reason(event);
	else if (kind && !events->json)
		print_text(kind, event);
	return signals_caught() != 0;
}

/* ---- the end ---- */

static void print_summary_json(const struct backupapi_sis_summary *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} fields[] = {
		{"files", s->files},
		{"links", s->links},
		{"duplicates", s->duplicates},
		{"bytes", s->bytes},
		{"saved_bytes", s->saved_bytes},
		{"store_files", s->store_files},
		{"changed", s->changed},
		{"skipped", s->skipped},
		{"damaged", s->damaged},
		{"orphaned", s->orphaned},
	};

	json_end();
	json_object("summary");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_number(fields[i].key, (int64_t)fields[i].value);
	json_end();
	json_end();
}

static void print_count(const char *what, uint64_t count)
{
	if (count)
		report_result("%s: %" PRIu64, what, count);
}

static void print_summary(const char *result, const struct backupapi_sis_summary *s)
{
	char bytes[STR_BYTES_SIZE], saved[STR_BYTES_SIZE];

	str_bytes((double)s->bytes, bytes);
	str_bytes((double)s->saved_bytes, saved);
	report_result("%" PRIu64 " files (%s), %" PRIu64 " of them links; "
		      "%" PRIu64 " in the common store",
		s->files, bytes, s->links, s->store_files);
	print_count("duplicates", s->duplicates);
	print_count("no link needs", s->orphaned);
	print_count("changed", s->changed);
	print_count("left alone", s->skipped);
	print_count("damaged", s->damaged);
	if (result)
		report_result("%s: %s", result, saved);
}

void events_end(
	struct events *events, const char *result, const struct backupapi_sis_summary *s)
{
	if (events->shown)
		progress_end();
	if (events->json)
		print_summary_json(s);
	else if (s->files || s->store_files)
		print_summary(result, s);
}
