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
#include "common/trusted.h"

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
	const char *log_dir = r->status->log_dir;
	char *staged, *directory, *stage;

	if (!log_dir || !*log_dir || r->sets[number].info.log_high == 0)
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
	if (FAILED(rc))
		report_call(rc, r->server);
	if (!r->registered)
		note_registered(r, !FAILED(rc));
	free_map(registration.map, registration.map_count);
	backupapi_free(log_stage);
	return !FAILED(rc);
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

static void remove_log_stage(const char *stage)
{
	char *above = path_parent(stage);
	int fd = trusted_open(above, O_RDONLY | O_DIRECTORY);

	free(above);
	if (fd < 0)
		return;
	tree_remove(fd, path_base(stage), stage);
	close(fd);
}

static void remove_log_stages(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++) {
		char *stage = restore_log_stage(r, i);

		if (stage)
			remove_log_stage(stage);
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

	if (!r->complete)
		remove_log_stages(r);
	end_session(r);
	if (r->complete || (r->registered && !cancel_registration(r, noted)))
		return;
	r->registered = false;
	place_undo(&r->place);
	if (r->stopped && may_start(r))
		start_again(r);
}
