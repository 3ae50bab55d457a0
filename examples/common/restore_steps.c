/*
 * The calls of a restore in their order, and backwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/report.h"
#include "common/restore.h"
#include "common/str.h"
#include "common/tree.h"

bool restore_stop_service(struct restore *r)
{
	if (r->status->state == BACKUPAPI_STATE_STOPPED)
		return true;
	/* Also a stop that fails half way is to be undone. */
	r->stopped = true;
	return change_service(r->server, BACKUPAPI_CONTROL_STOP);
}

bool restore_begin(struct restore *r)
{
	WCHAR *name = str_widen(r->server);
	int32_t rc = r->family->restore_prepare(name, &r->sets[0].token, &r->session);

	free(name);
	r->open = !FAILED(rc);
	if (!r->open)
		return report_call(rc, r->server);
	return listing_get(&r->locations, r->family, r->family->get_locations, r->session,
		true, r->server);
}

/* ---- registering ---- */

static const WCHAR *location(const struct restore *r, unsigned tag)
{
	for (size_t i = 0; i < r->locations.count; i++)
		if (r->locations.items[i].tag == tag)
			return r->locations.items[i].name;
	return NULL;
}

char *restore_log_stage(const struct restore *r, size_t number)
{
	const char *log_dir = listing_path(&r->locations, TAG_LOG_DIR);
	char *staged, *directory, *stage;

	if (!log_dir || r->sets[number].info.log_high == 0)
		return NULL;
	staged = backupapi_restore_staging_path(log_dir);
	if (!staged)
		return NULL;
	directory = path_parent(staged);
	stage = xasprintf("%s-logs-%zu", directory, number);
	free(directory);
	backupapi_free(staged);
	return stage;
}

static WCHAR *name_of(const struct restore *r, const char *path)
{
	WCHAR *name = backupapi_name_from_path(r->server, path);

	if (!name)
		report_call((int32_t)backupapi_get_last_error(), path);
	return name;
}

static void free_map(struct map_entry *map, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		backupapi_free(map[i].old_name);
		backupapi_free(map[i].new_name);
	}
	free(map);
}

/* Every database of the set is in the map, moved or not: so recovery knows what belongs
 * to it. NULL: reported. */
static struct map_entry *make_map(const struct restore *r)
{
	struct map_entry *map = xmalloc(r->databases.count * sizeof(*map));

	for (size_t i = 0; i < r->databases.count; i++) {
		const struct move *move = &r->databases.moves[i];

		map[i].old_name = name_of(r, move->item->path);
		map[i].new_name = name_of(r, move->target);
		if (!map[i].old_name || !map[i].new_name) {
			free_map(map, i + 1);
			return NULL;
		}
	}
	return map;
}

/* Names the directory of the staged logs in REGISTRATION, if the set has logs. */
static bool add_logs(const struct restore *r, size_t number,
	struct registration *registration, WCHAR **owned)
{
	const struct setinfo *info = &r->sets[number].info;
	char *stage;

	*owned = NULL;
	if (info->log_high == 0)
		return true;
	stage = restore_log_stage(r, number);
	if (!stage)
		return report_problem(ERROR_INVALID_DATA, r->sets[number].files.dir,
			"has logs, and the server no directory for them");
	*owned = name_of(r, stage);
	free(stage);
	registration->backup_log_path = *owned;
	registration->low = info->log_low;
	registration->high = info->log_high;
	return *owned != NULL;
}

static bool register_set(struct restore *r, size_t number)
{
	struct registration registration = {
		.checkpoint_path = location(r, TAG_SYSTEM_DIR),
		.log_path = location(r, TAG_LOG_DIR),
	};
	WCHAR *log_stage;
	int32_t rc;

	if (!add_logs(r, number, &registration, &log_stage))
		return false;
	if (number == 0) {
		registration.map = make_map(r);
		registration.map_count = r->databases.count;
		if (!registration.map) {
			backupapi_free(log_stage);
			return false;
		}
	}
	rc = r->family->restore_register(r->session, &registration);
	if (!FAILED(rc))
		r->registered = true;
	free_map(registration.map, registration.map_count);
	backupapi_free(log_stage);
	return !FAILED(rc) || report_call(rc, r->server);
}

bool restore_register_sets(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		if (!register_set(r, i))
			return false;
	return true;
}

bool restore_finish(struct restore *r)
{
	int32_t rc = r->family->restore_complete(r->session, S_OK);

	if (FAILED(rc))
		return report_call(rc, r->server);
	r->registered = false;
	r->complete = true;
	r->open = false;
	rc = r->family->restore_end(r->session);
	return !FAILED(rc) || report_call(rc, r->server);
}

/* ---- backwards ---- */

static void remove_log_stages(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++) {
		char *stage = restore_log_stage(r, i);

		if (stage)
			tree_remove(AT_FDCWD, stage, stage);
		free(stage);
	}
}

static void start_again(struct restore *r)
{
	bool ok = change_service(r->server, BACKUPAPI_CONTROL_START);

	if (ok && r->status->state == BACKUPAPI_STATE_SUSPENDED)
		ok = change_service(r->server, BACKUPAPI_CONTROL_SUSPEND);
	r->stopped = false;
	report_plain(ok ? "nothing was restored; the store is as it was, and the service "
			  "as before"
			: "nothing was restored; the store is as it was, but the service "
			  "is not");
}

void restore_undo(struct restore *r)
{
	int32_t rc;

	if (r->open) {
		r->open = false;
		rc = r->family->restore_end(r->session);
		if (FAILED(rc))
			report_call(rc, r->server);
	}
	if (r->complete)
		return;
	remove_log_stages(r);
	if (r->registered) {
		rc = backupapi_cancel_restore(r->server);
		if (FAILED(rc)) {
			report_call(rc, r->server);
			report_plain("the restore stays registered, and the service "
				     "down, until "
				     "%s cancel %s",
				r->family->program, r->server);
			return;
		}
		r->registered = false;
	}
	place_undo(&r->place);
	if (r->stopped)
		start_again(r);
}
