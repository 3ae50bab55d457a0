/*
 * history.c - what was backed up: the record <state_dir>/history
 */
#include "server/history.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/record.h"
#include "server/server.h"

#define FILE_NAME    "history"
#define FORMAT       "history 2"
#define FORMER       "history 1"
#define FILE_LARGEST 65536

static const char certsrv[] = "certsrv";
static const char ds[] = "ds";
static const char full[] = "full";
static const char incremental[] = "incremental";

/* "certsrv_full_time" and the like. */
struct key {
	char text[48];
};

static struct key make_key(const char *chain, const char *kind, const char *field)
{
	struct key key;

	(void)snprintf(key.text, sizeof(key.text), "%s_%s%s%s", chain, kind,
		*kind ? "_" : "", field);
	return key;
}

/* ---- writing ---- */

static void write_backup(struct buffer *b, const char *chain, const char *kind,
	const struct history_backup *backup)
{
	if (!backup->taken)
		return;
	record_add_number(b, make_key(chain, kind, "time").text, backup->time);
	record_add_number(b, make_key(chain, kind, "log_low").text, backup->log_low);
	record_add_number(b, make_key(chain, kind, "log_high").text, backup->log_high);
}

static void write_chain(
	struct buffer *b, const char *name, const struct history_chain *chain)
{
	write_backup(b, name, full, &chain->full);
	write_backup(b, name, incremental, &chain->incremental);
	record_add_number(
		b, make_key(name, "", "next_generation").text, chain->next_generation);
	record_add_number(b, make_key(name, "", "needs_full").text, chain->needs_full);
	record_add_number(b, make_key(name, "", "incremental_disabled").text,
		chain->incremental_disabled);
}

static void write_history(struct buffer *b, const struct history *history)
{
	record_begin(b, FORMAT);
	write_chain(b, certsrv, &history->certsrv);
	write_chain(b, ds, &history->ds);
}

/* ---- reading ---- */

static uint32_t read_generation(struct record *r, struct key key)
{
	return (uint32_t)record_number(r, key.text, 0, UINT32_MAX);
}

static void read_backup(struct record *r, const char *chain, const char *kind,
	struct history_backup *backup)
{
	struct key time = make_key(chain, kind, "time");

	if (!record_next_is(r, time.text))
		return;
	backup->taken = true;
	backup->time = record_number(r, time.text, INT64_MIN, INT64_MAX);
	backup->log_low = read_generation(r, make_key(chain, kind, "log_low"));
	backup->log_high = read_generation(r, make_key(chain, kind, "log_high"));
	if (backup->log_low > backup->log_high)
		record_refuse(r, "damaged: a range of logs that ends before it begins");
}

static void read_chain(struct record *r, const char *name, struct history_chain *chain)
{
	read_backup(r, name, full, &chain->full);
	read_backup(r, name, incremental, &chain->incremental);
	chain->next_generation =
		read_generation(r, make_key(name, "", "next_generation"));
	chain->needs_full = record_flag(r, make_key(name, "", "needs_full").text);
	chain->incremental_disabled =
		record_flag(r, make_key(name, "", "incremental_disabled").text);
}

static void read_history(struct record *r, struct history *history)
{
	read_chain(r, certsrv, &history->certsrv);
	read_chain(r, ds, &history->ds);
}

/* ---- reading the former format: one chain for both families ---- */

/* Which family's it was, the backup itself says; 0: there is none. */
static unsigned read_former_backup(
	struct record *r, const char *kind, struct history_backup *backup)
{
	unsigned family;

	if (!record_next_is(r, make_key(kind, "", "time").text))
		return 0;
	backup->taken = true;
	backup->time =
		record_number(r, make_key(kind, "", "time").text, INT64_MIN, INT64_MAX);
	family = (unsigned)record_number(
		r, make_key(kind, "", "family").text, FAMILY_CERTSRV, FAMILY_ANY);
	backup->log_low = read_generation(r, make_key(kind, "", "log_low"));
	backup->log_high = read_generation(r, make_key(kind, "", "log_high"));
	if (backup->log_low > backup->log_high)
		record_refuse(r, "damaged: a range of logs that ends before it begins");
	return family;
}

static void read_former(struct record *r, struct history *history)
{
	struct history_backup backup[2] = {{0}};
	unsigned of_full = read_former_backup(r, full, &backup[0]);
	unsigned of_incremental = read_former_backup(r, incremental, &backup[1]);
	uint32_t next = (uint32_t)record_number(r, "next_generation", 0, UINT32_MAX);

	history_chain(history, of_full)->full = backup[0];
	history_chain(history, of_incremental)->incremental = backup[1];
	history_chain(history, of_full)->next_generation = next;
	history->certsrv.needs_full = history->ds.needs_full =
		record_flag(r, "needs_full");
	history->certsrv.incremental_disabled = history->ds.incremental_disabled =
		record_flag(r, "incremental_disabled");
}

static status load_from(int dirfd, const char *dir, struct history *history)
{
	struct record r;
	const char *format;
	status rc = record_load(&r, dirfd, dir, FILE_NAME, FILE_LARGEST, NULL, NULL);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	format = record_text(&r, "format");
	if (strcmp(format, FORMAT) == 0)
		read_history(&r, history);
	else if (strcmp(format, FORMER) == 0)
		read_former(&r, history);
	else
		record_refuse(&r, "not a record of a format that this version reads");
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

/* What could not be read again must not be written. */
static bool is_sound(const struct history_backup *backup)
{
	return !backup->taken || backup->log_low <= backup->log_high;
}

static bool is_sound_chain(const struct history_chain *chain)
{
	return is_sound(&chain->full) && is_sound(&chain->incremental);
}

status history_save(const struct server *server, const struct history *history)
{
	struct buffer b = {0};
	int dirfd;
	status rc;

	if (!is_sound_chain(&history->certsrv) || !is_sound_chain(&history->ds))
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: a backup with an impossible range of logs", server->name);
	rc = server_open_state_dir(server, true, &dirfd);
	if (failed(rc))
		return rc;
	write_history(&b, history);
	rc = record_save(&b, dirfd, FILE_NAME);
	buffer_free(&b);
	(void)close(dirfd);
	return rc;
}

/* ---- the chains ---- */

struct history_chain *history_chain(struct history *history, unsigned family)
{
	return family == FAMILY_DS ? &history->ds : &history->certsrv;
}

uint32_t history_keep_from(const struct history *history, unsigned family, uint32_t next)
{
	const struct history_chain *other = &history->certsrv;
	bool goes_on = family == FAMILY_DS && other->full.taken && !other->needs_full &&
		       !other->incremental_disabled && other->next_generation != 0;

	return goes_on && other->next_generation < next ? other->next_generation : next;
}
