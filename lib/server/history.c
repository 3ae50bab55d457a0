/*
 * history.c - what was backed up: the record <state_dir>/history
 */
#include "server/history.h"

#include <stdio.h>
#include <unistd.h>

#include "server/record.h"
#include "server/server.h"

#define FILE_NAME    "history"
#define FORMAT       "history 1"
#define FILE_LARGEST 65536

static const char full[] = "full";
static const char incremental[] = "incremental";

/* "full_time" and the like. */
struct key {
	char text[32];
};

static struct key make_key(const char *kind, const char *field)
{
	struct key key;

	(void)snprintf(key.text, sizeof(key.text), "%s_%s", kind, field);
	return key;
}

static void write_backup(
	struct buffer *b, const char *kind, const struct history_backup *backup)
{
	if (!backup->taken)
		return;
	record_add_number(b, make_key(kind, "time").text, backup->time);
	record_add_number(b, make_key(kind, "family").text, backup->family);
	record_add_number(b, make_key(kind, "log_low").text, backup->log_low);
	record_add_number(b, make_key(kind, "log_high").text, backup->log_high);
}

static void read_backup(struct record *r, const char *kind, struct history_backup *backup)
{
	if (!record_next_is(r, make_key(kind, "time").text))
		return;
	backup->taken = true;
	backup->time =
		record_number(r, make_key(kind, "time").text, INT64_MIN, INT64_MAX);
	backup->family = (unsigned)record_number(
		r, make_key(kind, "family").text, FAMILY_CERTSRV, FAMILY_ANY);
	backup->log_low =
		(uint32_t)record_number(r, make_key(kind, "log_low").text, 0, UINT32_MAX);
	backup->log_high = (uint32_t)record_number(
		r, make_key(kind, "log_high").text, 0, UINT32_MAX);
	if (backup->log_low > backup->log_high)
		record_refuse(r, "damaged: a range of logs that ends before it begins");
}

static void read_history(struct record *r, struct history *history)
{
	read_backup(r, full, &history->full);
	read_backup(r, incremental, &history->incremental);
	history->next_generation =
		(uint32_t)record_number(r, "next_generation", 0, UINT32_MAX);
	history->needs_full = record_flag(r, "needs_full");
	history->incremental_disabled = record_flag(r, "incremental_disabled");
}

static status load_from(int dirfd, const char *dir, struct history *history)
{
	struct record r;
	status rc = record_load(&r, dirfd, dir, FILE_NAME, FILE_LARGEST, FORMAT, NULL);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	read_history(&r, history);
	return record_close(&r);
}

status history_load(const struct server *server, struct history *history)
{
	int dirfd;
	status rc = server_open_state_dir(server, false, &dirfd);

	*history = (struct history){0};
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	rc = load_from(dirfd, server->state_dir, history);
	(void)close(dirfd);
	if (failed(rc))
		*history = (struct history){0};
	return rc;
}

static void write_history(struct buffer *b, const struct history *history)
{
	record_begin(b, FORMAT);
	write_backup(b, full, &history->full);
	write_backup(b, incremental, &history->incremental);
	record_add_number(b, "next_generation", history->next_generation);
	record_add_number(b, "needs_full", history->needs_full);
	record_add_number(b, "incremental_disabled", history->incremental_disabled);
}

/* What could not be read again must not be written. */
static bool is_sound(const struct history_backup *backup)
{
	return !backup->taken ||
	       (backup->family >= FAMILY_CERTSRV && backup->family <= FAMILY_ANY &&
		       backup->log_low <= backup->log_high);
}

status history_save(const struct server *server, const struct history *history)
{
	struct buffer b = {0};
	int dirfd;
	status rc;

	if (!is_sound(&history->full) || !is_sound(&history->incremental))
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: a backup of no family or with an impossible range of logs",
			server->name);
	rc = server_open_state_dir(server, true, &dirfd);
	if (failed(rc))
		return rc;
	write_history(&b, history);
	rc = record_save(&b, dirfd, FILE_NAME);
	buffer_free(&b);
	(void)close(dirfd);
	return rc;
}
