/*
 * registration_record.c - a registration in memory and as text
 *
 * The text may come from any user who can write the store, checksum and all: nothing in
 * it is believed that registration_refused() has not seen.
 */
#include "server/registration_record.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/path.h"

#define REPLACED_PREFIX "replaced-"

static const char *const states[] = {
	[REGISTRATION_OPEN] = "open",
	[REGISTRATION_COMPLETE] = "complete",
	[REGISTRATION_FAILED] = "failed",
};

#define STATES (sizeof(states) / sizeof(states[0]))

/* ---- in memory ---- */

struct registration *registration_new(void)
{
	struct registration *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->maker = geteuid();
	r->maker_group = getegid();
	return r;
}

void restore_choice_clear(struct restore_choice *choice)
{
	free(choice->engine);
	free(choice->home);
	free(choice->log_dir);
	names_free(&choice->placed);
	names_free(&choice->kept);
	*choice = (struct restore_choice){0};
}

void registration_free(struct registration *r)
{
	if (!r)
		return;
	free(r->checkpoint_path);
	free(r->log_path);
	for (size_t i = 0; i < r->target_count; i++) {
		free(r->targets[i].old_path);
		free(r->targets[i].new_path);
	}
	free(r->targets);
	for (size_t i = 0; i < r->log_count; i++)
		free(r->logs[i].backup_log_path);
	free(r->logs);
	free(r->replaced);
	names_free(&r->former);
	restore_choice_clear(&r->choice);
	free(r);
}

/* Room for one more; the array doubles whenever the count reaches a power of two. NULL
 * where memory is short: the old array stands. */
static void *grow(void *items, size_t count, size_t size)
{
	size_t capacity = count ? 2 * count : 1;

	if (count & (count - 1))
		return items;
	return capacity > SIZE_MAX / size ? NULL : realloc(items, capacity * size);
}

status registration_add_target(
	struct registration *r, const char *old_path, const char *new_path)
{
	struct restore_target *targets =
		grow(r->targets, r->target_count, sizeof(*targets));
	struct restore_target target;

	if (!targets)
		return status_no_memory();
	r->targets = targets;
	target.old_path = strdup(old_path);
	target.new_path = strdup(new_path);
	if (!target.old_path || !target.new_path) {
		free(target.old_path);
		free(target.new_path);
		return status_no_memory();
	}
	targets[r->target_count++] = target;
	return STATUS_OK;
}

status registration_add_logs(
	struct registration *r, const char *backup_log_path, uint32_t low, uint32_t high)
{
	struct restore_logs *logs = grow(r->logs, r->log_count, sizeof(*logs));
	char *path = backup_log_path ? strdup(backup_log_path) : NULL;

	if (logs)
		r->logs = logs;
	if (!logs || (backup_log_path && !path)) {
		free(path);
		return status_no_memory();
	}
	logs[r->log_count++] = (struct restore_logs){path, low, high};
	return STATUS_OK;
}

/* ---- what may be in it ---- */

static bool is_good_path(const char *path)
{
	return !path || path_is_tidy(path);
}

static const char *refused_targets(const struct registration *r)
{
	for (size_t i = 0; i < r->target_count; i++)
		if (!path_is_tidy(r->targets[i].old_path) ||
			!path_is_tidy(r->targets[i].new_path))
			return "a database's path that is not absolute or not normalised";
	return NULL;
}

static const char *refused_logs(const struct registration *r)
{
	for (size_t i = 0; i < r->log_count; i++) {
		if (r->logs[i].low > r->logs[i].high)
			return "a range of logs that ends before it begins";
		if (!is_good_path(r->logs[i].backup_log_path))
			return "a backup log path that is not absolute or not normalised";
	}
	return NULL;
}

static bool are_good_paths(const struct names *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (!path_is_tidy(paths->items[i]))
			return false;
	return true;
}

static const char *refused_choice(const struct restore_choice *choice)
{
	if (choice->low > choice->high)
		return "a range of logs to replay that ends before it begins";
	if (!is_good_path(choice->home) || !is_good_path(choice->log_dir))
		return "a home or log directory that is not absolute or not normalised";
	if (!are_good_paths(&choice->placed) || !are_good_paths(&choice->kept))
		return "a log's path that is not absolute or not normalised";
	return NULL;
}

static bool is_replaced_name(const char *name)
{
	return strncmp(name, REPLACED_PREFIX, strlen(REPLACED_PREFIX)) == 0 &&
	       !strchr(name, '/');
}

static const char *refused_replaced(const struct registration *r)
{
	bool good = !r->replaced || is_replaced_name(r->replaced);

	for (size_t i = 0; i < r->former.count && good; i++)
		good = is_replaced_name(r->former.items[i]);
	return good ? NULL
		    : "a directory for replaced files that is not a " REPLACED_PREFIX
		      " one";
}

const char *registration_refused(const struct registration *r)
{
	const char *reason;

	if (r->family != FAMILY_CERTSRV && r->family != FAMILY_DS)
		return "a restore of no family";
	if ((size_t)r->state >= STATES)
		return "no such state";
	if (!is_good_path(r->checkpoint_path) || !is_good_path(r->log_path))
		return "a checkpoint or log path that is not absolute or not normalised";
	reason = refused_replaced(r);
	if (!reason)
		reason = refused_targets(r);
	if (!reason)
		reason = refused_choice(&r->choice);
	return reason ? reason : refused_logs(r);
}

/* ---- as text ---- */

static void write_optional(struct buffer *b, const char *key, const char *text)
{
	if (text)
		record_add_text(b, key, text);
}

static void write_names(struct buffer *b, const char *key, const struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		record_add_text(b, key, names->items[i]);
}

static void write_choice(struct buffer *b, const struct restore_choice *choice)
{
	if (!choice->engine)
		return;
	record_add_text(b, "engine", choice->engine);
	write_optional(b, "home", choice->home);
	write_optional(b, "log_dir", choice->log_dir);
	record_add_number(b, "replay_low", choice->low);
	record_add_number(b, "replay_high", choice->high);
	record_add_number(b, "replaying", choice->replaying);
	write_names(b, "placed", &choice->placed);
	write_names(b, "kept", &choice->kept);
}

void registration_write(
	struct buffer *b, const struct server *server, const struct registration *r)
{
	record_begin(b, REGISTRATION_FORMAT);
	record_add_text(b, "server", server->name);
	record_add_number(b, "family", r->family);
	record_add_number(b, "time", r->time);
	record_add_text(b, "state", states[r->state]);
	record_add_number(b, "failure", r->failure);
	write_optional(b, "checkpoint_path", r->checkpoint_path);
	write_optional(b, "log_path", r->log_path);
	write_optional(b, "replaced", r->replaced);
	write_names(b, "former", &r->former);
	if (r->cleared)
		record_add_number(b, "cleared", r->cleared);
	write_choice(b, &r->choice);
	for (size_t i = 0; i < r->target_count; i++) {
		record_add_text(b, "old", r->targets[i].old_path);
		record_add_text(b, "new", r->targets[i].new_path);
	}
	for (size_t i = 0; i < r->log_count; i++) {
		record_add_number(b, "low", r->logs[i].low);
		record_add_number(b, "high", r->logs[i].high);
		write_optional(b, "backup_log_path", r->logs[i].backup_log_path);
	}
}

static void keep_failure(struct record *r, status rc)
{
	if (failed(rc) && !failed(r->rc))
		r->rc = rc;
}

static char *read_optional(struct record *r, const char *key)
{
	char *copy;

	if (!record_next_is(r, key))
		return NULL;
	copy = strdup(record_text(r, key));
	if (!copy)
		keep_failure(r, status_no_memory());
	return copy;
}

static void read_server(struct record *r, const struct server *server)
{
	if (text_compare_nocase(record_text(r, "server"), server->name) != 0)
		record_refuse(r, "the registration of another server");
}

static enum registration_state read_state(struct record *r)
{
	const char *text = record_text(r, "state");

	for (size_t i = 0; i < STATES; i++)
		if (strcmp(text, states[i]) == 0)
			return (enum registration_state)i;
	record_refuse(r, "damaged: no such state");
	return REGISTRATION_OPEN;
}

static void read_target(struct record *r, struct registration *registration)
{
	const char *old_path = record_text(r, "old");
	const char *new_path = record_text(r, "new");

	if (!failed(r->rc))
		keep_failure(
			r, registration_add_target(registration, old_path, new_path));
}

static void read_logs(struct record *r, struct registration *registration)
{
	uint32_t low = (uint32_t)record_number(r, "low", 0, UINT32_MAX);
	uint32_t high = (uint32_t)record_number(r, "high", 0, UINT32_MAX);
	const char *path = NULL;

	if (record_next_is(r, "backup_log_path"))
		path = record_text(r, "backup_log_path");
	if (!failed(r->rc))
		keep_failure(r, registration_add_logs(registration, path, low, high));
}

static void read_names(struct record *r, const char *key, struct names *names)
{
	while (record_next_is(r, key)) {
		const char *text = record_text(r, key);

		if (!failed(r->rc))
			keep_failure(r, names_add(names, text));
	}
	names_sort(names);
}

static void read_choice(struct record *r, struct restore_choice *choice)
{
	choice->engine = read_optional(r, "engine");
	if (!choice->engine)
		return;
	choice->home = read_optional(r, "home");
	choice->log_dir = read_optional(r, "log_dir");
	choice->low = (uint32_t)record_number(r, "replay_low", 0, UINT32_MAX);
	choice->high = (uint32_t)record_number(r, "replay_high", 0, UINT32_MAX);
	choice->replaying = record_flag(r, "replaying");
	read_names(r, "placed", &choice->placed);
	read_names(r, "kept", &choice->kept);
}

void registration_read(
	struct record *r, const struct server *server, struct registration *registration)
{
	const char *reason;

	read_server(r, server);
	registration->family =
		(unsigned)record_number(r, "family", FAMILY_CERTSRV, FAMILY_ANY);
	registration->time = record_number(r, "time", INT64_MIN, INT64_MAX);
	registration->state = read_state(r);
	registration->failure =
		(int32_t)record_number(r, "failure", INT32_MIN, INT32_MAX);
	registration->checkpoint_path = read_optional(r, "checkpoint_path");
	registration->log_path = read_optional(r, "log_path");
	registration->replaced = read_optional(r, "replaced");
	read_names(r, "former", &registration->former);
	registration->cleared = record_next_is(r, "cleared") && record_flag(r, "cleared");
	read_choice(r, &registration->choice);
	while (record_next_is(r, "old"))
		read_target(r, registration);
	while (record_next_is(r, "low"))
		read_logs(r, registration);
	if (failed(r->rc))
		return;
	reason = registration_refused(registration);
	if (reason)
		record_refuse(r, reason);
}
