/*
 * restore: everything that can be wrong is looked for first; then the restore is
 * registered, so that the service cannot start half way; then files are staged. Up to the
 * completion all can be undone, after it recovery finishes the work whatever happens.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/control.h"
#include "common/digest.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/restore.h"
#include "common/signals.h"
#include "common/str.h"

static struct restore *active;

static void undo_active(void)
{
	if (active)
		restore_undo(active);
	active = NULL;
}

/* ---- before anything is touched ---- */

static bool read_status(struct restore *r)
{
	int32_t rc = backupapi_server_status(r->server, &r->status);

	return !FAILED(rc) || report_call(rc, r->server);
}

/* One that failed keeps the service down until a good one takes its place. */
static bool check_none_pending(
	const struct restore *r, const struct backupapi_server_info *status)
{
	const char *program = r->family->program;

	switch (status->restore) {
	case BACKUPAPI_RESTORE_NONE:
	case BACKUPAPI_RESTORE_FAILED:
		return true;
	case BACKUPAPI_RESTORE_OPEN:
		return report_problem(ERROR_INVALID_STATE, r->status->name,
			"a restore is already registered, by a program that has not "
			"completed it, so backupapi-recover cannot finish it; unless "
			"it still runs, give the restore up with %s cancel",
			program);
	default:
		return report_problem(ERROR_INVALID_STATE, r->status->name,
			"a restore is already registered: finish it with "
			"backupapi-recover, or give it up with %s cancel",
			program);
	}
}

static bool has_room(const struct restore *r)
{
	/* Recovery copies the logs that it needs once more. */
	const struct plan *const all[] = {&r->databases, &r->logs, &r->logs, &r->dynamic};

	return plan_check_room(all, sizeof(all) / sizeof(all[0]));
}

static void plan_logs(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++) {
		char *stage = restore_log_stage(r, i);

		if (stage)
			plan_add_logs(&r->logs, &r->sets[i], stage);
		free(stage);
	}
}

static char *apply_rules(const struct restore *r, const char *directory)
{
	return directory && *directory ? rules_apply(&r->rules, directory) : NULL;
}

static bool make_plans(struct restore *r)
{
	if (!rules_parse(&r->rules, &r->options->maps, &r->sets[0]))
		return false;
	r->log_dir = apply_rules(r, r->status->log_dir);
	r->system_dir = apply_rules(r, r->status->system_dir);
	plan_add(&r->databases, &r->sets[0], ITEM_DATABASE, &r->rules);
	if (r->options->given & OPTION_DYNAMIC)
		plan_add(&r->dynamic, restore_newest(r), ITEM_DYNAMIC, &r->rules);
	plan_logs(r);
	restore_note_gaps(r);
	if (r->databases.count == 0)
		return report_problem(
			ERROR_INVALID_DATA, r->sets[0].files.dir, "holds no database");
	return plan_check(&r->databases) && plan_check(&r->dynamic) && has_room(r);
}

static bool look(struct restore *r)
{
	return read_status(r) && restore_open_sets(r) &&
	       check_none_pending(r, r->status) && restore_check_sets(r) && make_plans(r);
}

static void print_dry_run(const struct restore *r)
{
	plan_print(&r->databases);
	plan_print(&r->dynamic);
	for (size_t i = 0; i < r->set_count; i++)
		if (r->sets[i].info.log_high > 0)
			printf("logs      %u to %u -> %s\n", r->sets[i].info.log_low,
				r->sets[i].info.log_high, r->log_dir ? r->log_dir : "-");
	report_result("nothing was changed");
}

/* ---- copying ---- */

static bool place_plan(struct restore *r, const struct plan *plan,
	bool (*put)(struct place *, const struct move *))
{
	for (size_t i = 0; i < plan->count; i++)
		if (signals_caught() || !put(&r->place, &plan->moves[i]))
			return false;
	return place_sync(&r->place);
}

static bool place_logs_of(struct restore *r, size_t number)
{
	struct set *set = &r->sets[number];
	char *stage = restore_log_stage(r, number);
	bool ok = !stage || place_directory(&r->place, r->log_dir, set,
				    set->info.log_dir ? set->info.log_dir : "/");

	for (size_t i = 0; ok && stage && i < set->manifest.count; i++) {
		const struct item *item = &set->manifest.items[i];

		if (item->kind == ITEM_LOG || item->kind == ITEM_PATCH)
			ok = !signals_caught() && place_log(&r->place, set, item, stage);
	}
	free(stage);
	return place_sync(&r->place) && ok;
}

static bool copy_all(struct restore *r)
{
	bool ok;

	progress_begin("restore", plan_bytes(&r->databases) + plan_bytes(&r->logs) +
					  plan_bytes(&r->dynamic));
	ok = place_plan(r, &r->databases, place_staged);
	for (size_t i = 0; ok && i < r->set_count; i++)
		ok = place_logs_of(r, i);
	return ok;
}

/* Since it was looked at, another program may have registered a restore; none can now. */
static bool check_still_none(const struct restore *r)
{
	struct backupapi_server_info *status;
	int32_t rc = backupapi_server_status(r->server, &status);
	bool ok;

	if (FAILED(rc))
		return report_call(rc, r->server);
	ok = check_none_pending(r, status);
	backupapi_free(status);
	return ok;
}

static bool put_back(struct restore *r)
{
	return restore_stop_service(r) && !signals_caught() && restore_begin(r) &&
	       check_still_none(r) && !signals_caught() && restore_register_sets(r) &&
	       copy_all(r) && !signals_caught() && restore_finish(r);
}

/* ---- after the completion ---- */

static void say_next(const struct restore *r)
{
	char *server = str_display(r->server);

	report_result("%s: restored and registered, database files: %zu\n"
		      "next: \"backupapi-recover %s\" puts them in place; so does \"%s "
		      "start %s\", "
		      "which then starts the service",
		server, r->databases.count, server, r->family->program, server);
	free(server);
}

static bool recovery_failed(const struct restore *r, int32_t code)
{
	const char *program = r->family->program;

	if (is_about_logs(code))
		return report_missing_logs(r->server, program);
	return report_plain("the files are ready, but recovery failed; the service stays "
			    "down; backupapi-recover tries again, and after %s cancel "
			    "another set can be restored",
		program);
}

static bool recover_and_start(struct restore *r)
{
	int32_t rc = backupapi_recover(r->server);
	char *server;

	if (FAILED(rc)) {
		report_call(rc, r->server);
		return recovery_failed(r, rc);
	}
	if (!change_service(r->server, BACKUPAPI_CONTROL_START))
		return report_plain(
			"the restore is finished, but the service does not start");
	server = str_display(r->server);
	report_result("%s: restored and recovered, database files: %zu; the service runs",
		server, r->databases.count);
	free(server);
	return true;
}

static bool follow_up(struct restore *r)
{
	bool ok = place_plan(r, &r->dynamic, place_directly);

	progress_end();
	if (!ok)
		report_plain(
			"the databases are ready for recovery, but not all dynamic files "
			"are back");
	if (!ok || signals_caught() || !(r->options->given & OPTION_START)) {
		say_next(r);
		return ok;
	}
	return recover_and_start(r);
}

/* ---- the command ---- */

static void release(struct restore *r)
{
	place_free(&r->place);
	listing_free(&r->locations);
	plan_free(&r->dynamic);
	plan_free(&r->logs);
	plan_free(&r->databases);
	rules_free(&r->rules);
	free(r->system_dir);
	free(r->log_dir);
	for (size_t i = 0; i < r->set_count; i++)
		set_close(&r->sets[i]);
	free(r->sets);
	digest_free(r->digest);
	backupapi_free(r->status);
}

static bool run(struct restore *r)
{
	bool ok;

	if (!look(r))
		return false;
	if (r->options->given & OPTION_DRY_RUN) {
		print_dry_run(r);
		return true;
	}
	if (atexit(undo_active) != 0)
		return report_plain("out of memory");
	active = r;
	signals_catch();
	ok = put_back(r);
	progress_end();
	active = NULL;
	if (!r->complete && signals_caught())
		report_plain("stopped by %s", signals_name(signals_caught()));
	restore_undo(r);
	return r->complete && follow_up(r) && ok;
}

int cmd_restore(const struct family *family, const struct options *options)
{
	struct restore r = {
		.family = family,
		.options = options,
		.server = options->operands[0],
	};
	bool done;

	r.digest = digest_new();
	place_init(&r.place, r.digest);
	done = run(&r);
	release(&r);
	return done ? EXIT_DONE : signals_exit_status(EXIT_FAILED);
}
