#include "esecheck/show.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/report.h"
#include "common/str.h"

enum { FIELD_SIZE = 96 };

/* A name in a column of its own. */
static void print_field(const char *name, const char *value)
{
	report_result("  %-18s %s", name, value);
}

__attribute__((format(printf, 2, 3))) static void field(
	const char *name, const char *format, ...)
{
	char value[FIELD_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	print_field(name, value);
}

/* ---- values ---- */

static void time_text(struct backupapi_ese_time time, char out[FIELD_SIZE])
{
	char text[STR_TIME_SIZE];

	str_time(time.seconds, text);
	(void)snprintf(out, FIELD_SIZE, "%.19s%s", text,
		time.utc ? " UTC" : " (local time there)");
}

static void print_time(const char *name, struct backupapi_ese_time time)
{
	char text[FIELD_SIZE];

	if (!time.seconds)
		return;
	time_text(time, text);
	print_field(name, text);
}

static void print_position(const char *name, struct backupapi_ese_position position)
{
	if (position.generation)
		field(name, "log 0x%" PRIX32 ", sector 0x%X, byte 0x%X",
			position.generation, (unsigned)position.sector,
			(unsigned)position.offset);
}

static void print_signature(
	const char *name, const struct backupapi_ese_signature *signature)
{
	char time[FIELD_SIZE];

	if (!signature->random && !signature->created.seconds)
		return;
	time_text(signature->created, time);
	field(name, "0x%08" PRIX32 ", %s", signature->random, time);
}

static void print_backup(const char *name, const struct backupapi_ese_backup *backup)
{
	char time[FIELD_SIZE];

	if (!backup->position.generation && !backup->low)
		return;
	time_text(backup->time, time);
	field(name, "%s, logs 0x%" PRIX32 " to 0x%" PRIX32, time, backup->low,
		backup->high);
}

static void print_version(
	const char *name, const char *before, const uint32_t *parts, unsigned count)
{
	char text[FIELD_SIZE];
	int at = snprintf(text, sizeof(text), "%s", before);

	for (unsigned i = 0; i < count; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%" PRIu32,
			i ? "." : "", parts[i]);
	print_field(name, text);
}

/* ---- databases ---- */

static void print_required(const struct backupapi_ese_database *database)
{
	if (!database->required_low) {
		print_field("required logs", "none");
		return;
	}
	field("required logs", "0x%" PRIX32 " to 0x%" PRIX32, database->required_low,
		database->required_high);
	if (database->committed > database->required_high)
		field("committed logs",
			"up to 0x%" PRIX32 ": without them, the last changes are lost",
			database->committed);
}

static void print_count(const char *name, uint64_t count)
{
	if (count)
		field(name, "%" PRIu64, count);
}

static void print_pages(const struct backupapi_ese_database *database)
{
	field("pages", "%" PRIu64 " of %" PRIu32 " bytes", database->pages,
		database->page_size);
	field("  good", "%" PRIu64, database->pages_good);
	print_count("    old checksum", database->pages_legacy);
	field("  unused", "%" PRIu64, database->pages_unused);
	print_count("  unchecked", database->pages_unchecked);
	field("  bad", "%" PRIu64, database->pages_bad);
	print_count("    one bit wrong", database->pages_single_bit);
}

static void print_backups(const struct backupapi_ese_database *database)
{
	print_backup("full backup", &database->full_previous);
	print_backup("incremental", &database->incremental_previous);
	print_backup("copy backup", &database->copy_previous);
	print_backup("differential", &database->differential_previous);
	print_backup("snapshot", &database->snapshot_current);
	print_backup("streamed backup", &database->full_current);
}

static void print_database(const struct backupapi_ese_database *database)
{
	const uint32_t os[] = {
		database->os_major, database->os_minor, database->os_build};

	if (!database->page_size)
		return;
	print_field("state", show_state(database->state));
	print_required(database);
	field("format", "0x%" PRIx32 ", revision 0x%" PRIx32, database->version,
		database->revision);
	if (database->os_major)
		print_version("written by", "Windows ", os, 3);
	print_signature("signature", &database->signature);
	print_signature("log signature", &database->log_signature);
	print_position("consistent at", database->consistent);
	print_time("consistent since", database->consistent_time);
	print_time("attached", database->attach_time);
	print_time("detached", database->detach_time);
	print_backups(database);
	print_pages(database);
}

/* ---- logs and checkpoints ---- */

static void print_log(const struct backupapi_ese_log *log)
{
	const uint32_t version[] = {log->version_major, log->version_minor,
		log->version_update, log->version_update_minor};

	if (!log->generation)
		return;
	field("generation", "0x%" PRIX32, log->generation);
	print_version("format", "", version, 4);
	print_time("created", log->created);
	print_time("log before it", log->previous_created);
	print_signature("signature", &log->signature);
	if (log->flags & BACKUPAPI_ESE_LOG_CIRCULAR)
		print_field("logging", "circular");
	if (log->records)
		field("records", "%" PRIu64, log->records);
	else
		field("segments", "%" PRIu64 ", %" PRIu64 " of them unused",
			log->segments, log->segments_unused);
}

static void print_checkpoint(const struct backupapi_ese_checkpoint *checkpoint)
{
	print_position("checkpoint", checkpoint->checkpoint);
	print_position("backup checkpoint", checkpoint->full_backup_checkpoint);
	print_time("full backup", checkpoint->full_backup_time);
	print_time("incremental", checkpoint->incremental_backup_time);
	print_signature("log signature", &checkpoint->log_signature);
}

/* ---- all ---- */

static void print_result(const struct backupapi_ese_info *info)
{
	if (info->kind == BACKUPAPI_ESE_KIND_FLUSH_MAP ||
		info->kind == BACKUPAPI_ESE_KIND_SPARE_LOG)
		print_field("result", "not checked");
	else if (info->damage)
		field("result", "damaged: %" PRIu64 " problem%s", info->problems,
			info->problems == 1 ? "" : "s");
	else
		print_field("result", "good");
}

void show_text(const char *path, const struct backupapi_ese_info *info)
{
	char *shown = str_display(path);

	report_result("%s:", shown);
	free(shown);
	print_field("kind", show_kind(info->kind));
	field("size", "%" PRIu64, info->file_size);
	switch (info->kind) {
	case BACKUPAPI_ESE_KIND_LOG:
		print_log(&info->log);
		break;
	case BACKUPAPI_ESE_KIND_CHECKPOINT:
		print_checkpoint(&info->checkpoint);
		break;
	default:
		print_database(&info->database);
	}
	print_result(info);
}
