/*
 * The calls of a restore in their order, and backwards.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/report.h"
#include "common/restore.h"
#include "common/str.h"

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

static const char *moved_to(const struct restore *r, unsigned tag)
{
	switch (tag) {
	case TAG_LOG_DIR:
		return r->log_dir;
	case TAG_SYSTEM_DIR:
		return r->system_dir;
	default:
		return NULL;
	}
}

/* The listed directory with TAG, or where the rules move it: a name that the caller owns
 * (backupapi_free()); NULL where there is none. */
static WCHAR *location(const struct restore *r, unsigned tag)
{
	const char *moved = moved_to(r, tag);
	const char *listed = listing_path(&r->locations, tag);

	return moved && listed ? backupapi_name_from_path(r->server, moved) : NULL;
}

/* In a staging directory, so that recovery and cancelling remove it. */
char *restore_log_stage(const struct restore *r, size_t number)
{
	char *staged, *stage;

	if (!r->log_dir || r->sets[number].info.log_high == 0)
		return NULL;
	staged = backupapi_restore_staging_path(r->log_dir);
	stage = staged ? xasprintf("%s-logs-%zu", staged, number) : NULL;
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

/* While the session keeps others out, what is registered is ours: also where the call
 * failed after the registration got to the disk. */
static void note_registered(struct restore *r, bool certain)
{
	struct backupapi_server_info *info;

	r->registered = certain;
	if (FAILED(backupapi_server_status(r->server, &info)))
		return;
	if (info->restore == BACKUPAPI_RESTORE_OPEN) {
		r->registered = true;
		r->registered_time = info->restore_time;
	}
	backupapi_free(info);
}

static bool call_register(struct restore *r, const struct registration *registration)
{
	int32_t rc = r->family->restore_register(r->session, registration);

	if (FAILED(rc))
		report_call(rc, r->server);
	if (!r->registered)
		note_registered(r, !FAILED(rc));
	return !FAILED(rc);
}

static bool register_set(struct restore *r, size_t number)
{
	WCHAR *system_dir = location(r, TAG_SYSTEM_DIR),
	      *log_dir = location(r, TAG_LOG_DIR);
	WCHAR *log_stage = NULL;
	struct registration registration = {
		.checkpoint_path = system_dir,
		.log_path = log_dir,
	};
	bool ok = add_logs(r, number, &registration, &log_stage);

	if (ok && number == 0) {
		registration.map = make_map(r);
		registration.map_count = r->databases.count;
		ok = registration.map != NULL;
	}
	ok = ok && call_register(r, &registration);
	free_map(registration.map, registration.map ? registration.map_count : 0);
	backupapi_free(log_stage);
	backupapi_free(log_dir);
	backupapi_free(system_dir);
	return ok;
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

/* From here on nothing can start on the registration, whoever comes next. */
static bool fail_registration(struct restore *r)
{
	int32_t rc = r->family->restore_complete(
		r->session, HRESULT_FROM_WIN32(ERROR_CANCELLED));

	return !FAILED(rc) || report_call(rc, r->server);
}

static void end_session(struct restore *r)
{
	int32_t rc;

	if (!r->open)
		return;
	r->open = false;
	rc = r->family->restore_end(r->session);
	if (FAILED(rc))
		report_call(rc, r->server);
}

/* Since the session ended, another restore may have taken the place of this one. */
static bool is_still_ours(const struct restore *r)
{
	struct backupapi_server_info *info;
	int32_t rc = backupapi_server_status(r->server, &info);
	bool ours;

	if (FAILED(rc))
		return report_call(rc, r->server);
	ours = info->restore == BACKUPAPI_RESTORE_FAILED &&
	       info->restore_result == HRESULT_FROM_WIN32(ERROR_CANCELLED) &&
	       info->restore_maker == geteuid() && r->registered_time != 0 &&
	       info->restore_time == r->registered_time;
	backupapi_free(info);
	return ours;
}

static bool leave_alone(const struct restore *r)
{
	return report_plain(
		"nothing was restored; what is registered now is left alone, and "
		"keeps the service down: see \"%s status %s\"",
		r->family->program, r->server);
}

/* Starting would finish what another program has registered meanwhile. */
static bool may_start(const struct restore *r)
{
	struct backupapi_server_info *info;
	int32_t rc = backupapi_server_status(r->server, &info);
	bool pending;

	if (FAILED(rc))
		return report_call(rc, r->server);
	pending = info->restore != BACKUPAPI_RESTORE_NONE;
	backupapi_free(info);
	return !pending || leave_alone(r);
}

static bool stay_registered(const struct restore *r)
{
	return report_plain("the restore stays registered, and the service down, until "
			    "\"%s cancel %s\"",
		r->family->program, r->server);
}

/* A restore that failed earlier may have left the store half recovered: then it stays
 * down. */
static bool cancel_registration(struct restore *r, bool noted)
{
	int32_t rc;

	if (r->status->restore != BACKUPAPI_RESTORE_NONE)
		return report_plain(
			"nothing was restored; as before, the service stays down until a "
			"restore succeeds, since an earlier one failed");
	if (!noted)
		return stay_registered(r);
	if (!is_still_ours(r))
		return leave_alone(r);
	rc = backupapi_cancel_restore(r->server);
	if (!FAILED(rc))
		return true;
	report_call(rc, r->server);
	return stay_registered(r);
}

void restore_undo(struct restore *r)
{
	bool noted = !r->open || !r->registered || fail_registration(r);

	end_session(r);
	if (r->complete || (r->registered && !cancel_registration(r, noted)))
		return;
	r->registered = false;
	place_undo(&r->place);
	if (r->stopped && may_start(r))
		start_again(r);
}
