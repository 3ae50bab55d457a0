#include "esecheck/show.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/json.h"

struct number {
	const char *key;
	uint64_t value;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void print_numbers(const struct number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_number(numbers[i].key, (int64_t)numbers[i].value);
}

/* ---- values ---- */

static void print_position(const char *key, struct backupapi_ese_position position)
{
	if (!position.generation) {
		json_text(key, NULL);
		return;
	}
	json_object(key);
	json_number("generation", position.generation);
	json_number("sector", position.sector);
	json_number("offset", position.offset);
	json_end();
}

static void print_signature(
	const char *key, const struct backupapi_ese_signature *signature)
{
	if (!signature->random && !signature->created.seconds) {
		json_text(key, NULL);
		return;
	}
	json_object(key);
	json_number("random", signature->random);
	json_time("created", signature->created.seconds);
	json_text("computer", signature->computer);
	json_end();
}

static void print_backup(const char *key, const struct backupapi_ese_backup *backup)
{
	if (!backup->position.generation && !backup->low) {
		json_text(key, NULL);
		return;
	}
	json_object(key);
	json_time("time", backup->time.seconds);
	json_number("low", backup->low);
	json_number("high", backup->high);
	json_end();
}

/* ---- kinds ---- */

static void print_pages(const struct backupapi_ese_database *database)
{
	const struct number numbers[] = {
		{"size", database->page_size},
		{"count", database->pages},
		{"good", database->pages_good},
		{"unused", database->pages_unused},
		{"bad", database->pages_bad},
		{"unchecked", database->pages_unchecked},
		{"legacy", database->pages_legacy},
		{"single_bit", database->pages_single_bit},
	};

	json_object("pages");
	print_numbers(numbers, COUNT(numbers));
	json_end();
}

static void print_required(const struct backupapi_ese_database *database)
{
	if (!database->required_low) {
		json_text("required", NULL);
		return;
	}
	json_object("required");
	json_number("low", database->required_low);
	json_number("high", database->required_high);
	json_number("committed", database->committed);
	json_end();
}

static void print_database(const struct backupapi_ese_database *database)
{
	const struct number numbers[] = {
		{"version", database->version},
		{"revision", database->revision},
		{"os_major", database->os_major},
		{"os_minor", database->os_minor},
		{"os_build", database->os_build},
	};

	json_text("state", show_state(database->state));
	print_required(database);
	print_numbers(numbers, COUNT(numbers));
	print_signature("signature", &database->signature);
	print_signature("log_signature", &database->log_signature);
	print_position("consistent", database->consistent);
	json_time("attach_time", database->attach_time.seconds);
	json_time("detach_time", database->detach_time.seconds);
	print_backup("full_previous", &database->full_previous);
	print_backup("incremental_previous", &database->incremental_previous);
	print_backup("full_current", &database->full_current);
	print_pages(database);
}

static void print_log(const struct backupapi_ese_log *log)
{
	const struct number numbers[] = {
		{"generation", log->generation},
		{"version_major", log->version_major},
		{"version_minor", log->version_minor},
		{"version_update", log->version_update},
		{"version_update_minor", log->version_update_minor},
		{"segments", log->segments},
		{"segments_unused", log->segments_unused},
		{"segments_shadow", log->segments_shadow},
		{"records", log->records},
	};

	print_numbers(numbers, COUNT(numbers));
	json_bool("circular", log->flags & BACKUPAPI_ESE_LOG_CIRCULAR);
	json_time("created", log->created.seconds);
	json_time("previous_created", log->previous_created.seconds);
	print_signature("signature", &log->signature);
}

static void print_checkpoint(const struct backupapi_ese_checkpoint *checkpoint)
{
	print_position("checkpoint", checkpoint->checkpoint);
	print_position("full_backup_checkpoint", checkpoint->full_backup_checkpoint);
	json_time("full_backup_time", checkpoint->full_backup_time.seconds);
	json_time("incremental_backup_time", checkpoint->incremental_backup_time.seconds);
	print_signature("log_signature", &checkpoint->log_signature);
}

static void print_kind(const struct backupapi_ese_info *info)
{
	if (info->kind == BACKUPAPI_ESE_KIND_LOG && info->log.generation)
		print_log(&info->log);
	if (info->kind == BACKUPAPI_ESE_KIND_CHECKPOINT && info->copies)
		print_checkpoint(&info->checkpoint);
	if (info->database.page_size)
		print_database(&info->database);
}

/* ---- files ---- */

static void print_code(int32_t code)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "0x%08" PRIX32, (uint32_t)code);
	json_text("code", text);
	json_text("name", backupapi_error_name(code));
}

void show_begin_json(const char *path)
{
	json_object(NULL);
	json_text("path", path);
	json_array("problems");
}

void show_problem_json(const struct backupapi_ese_event *event)
{
	json_object(NULL);
	json_text("severity", event->kind == BACKUPAPI_ESE_DAMAGE ? "damage" : "note");
	if (event->code)
		print_code(event->code);
	json_text("reason", event->reason);
	if (event->page) {
		json_number("page", (int64_t)event->page);
		json_number("offset", (int64_t)event->offset);
	}
	if (event->code == BACKUPAPI_ESE_WRONG_PAGE)
		json_number("belongs", (int64_t)event->belongs);
	if (event->bit >= 0)
		json_number("bit", event->bit);
	json_end();
}

void show_end_json(int32_t rc, const struct backupapi_ese_info *info)
{
	json_end();
	if (info) {
		json_text("kind", show_kind(info->kind));
		json_number("size", (int64_t)info->file_size);
		print_kind(info);
	} else {
		json_text("error", backupapi_error_detail());
		print_code(rc);
	}
	json_bool("good", info && !info->damage);
	json_end();
}
