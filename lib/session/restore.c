#include "session/restore.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stamp.h"
#include "base/trace.h"
#include "server/lock.h"
#include "server/service.h"
#include "session/locations.h"
#include "session/restore_request.h"
#include "session/rollback.h"
#include "session/staging.h"

/* Why a registration failed that a new one takes the place of. */
#define REPLACED_BY_ANOTHER STATUS_WIN32(ERROR_ALREADY_EXISTS)

struct restore {
	struct server *server;
	unsigned family;
	bool full_handle;
	bool registered;  /* a full set, by this handle */
	int64_t prepared; /* see registration.time */
	struct lock *lock;
};

/* ---- prepare ---- */

status restore_prepare(struct server *server, unsigned family, bool full_handle,
	struct restore **restore)
{
	struct restore *r = calloc(1, sizeof(*r));
	status rc = STATUS_OK;

	*restore = NULL;
	if (!r) {
		server_free(server);
		return status_no_memory();
	}
	r->server = server;
	r->family = family;
	r->full_handle = full_handle;
	r->prepared = stamp_next();
	if (full_handle)
		rc = service_require_stopped(server, "it must be stopped for a restore");
	if (full_handle && !failed(rc) && r->prepared == 0)
		rc = status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s: the machine's clock was just set back, or stands still: try "
			"again",
			server->name);
	if (full_handle && !failed(rc))
		rc = lock_take(server, LOCK_RESTORE, &r->lock);
	if (failed(rc)) {
		restore_end(r);
		return rc;
	}
	*restore = r;
	return STATUS_OK;
}

/* ---- register ---- */

/* Root may go on with another's registration (it stays the maker's, with the maker's
 * rights); nobody else may. */
static status check_maker(const struct restore *r, const struct registration *reg)
{
	if (geteuid() == 0 || geteuid() == reg->maker)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: the registered restore belongs to user %u", r->server->name,
		(unsigned)reg->maker);
}

/* Where the record goes: into the store itself for those without rights on state_dir. */
static status choose_place(const struct restore *r, const struct restore_request *q,
	struct registration *reg)
{
	int fd;
	status rc = server_open_state_dir(r->server, true, &fd);

	if (!failed(rc))
		(void)close(fd);
	if (rc != STATUS_WIN32(ERROR_ACCESS_DENIED) || !q->through_file)
		return rc;
	reg->in_store = true;
	return request_check_in_store(r->server);
}

static status check_existing(const struct restore *r, const struct registration *existing)
{
	status rc = check_maker(r, existing);

	if (!failed(rc) && r->registered)
		rc = status_fail(hrRestoreMapExists,
			"%s: a full restore is registered already", r->server->name);
	return rc;
}

/* Ahead of discarding what was staged for it: recovery would take what it does not find
 * staged for restored in place, and mix old files with new ones. */
static status give_up(
	const struct server *server, struct registration *existing, status failure)
{
	existing->state = REGISTRATION_FAILED;
	existing->failure = failure;
	return registration_save(server, existing);
}

/* What others left staged. For the old registration's targets that is tidiness alone, which
 * must not keep anybody from registering a new one: there, nothing names them any more. */
static status discard_leftovers(const struct restore *r,
	const struct registration *existing, const struct registration *reg)
{
	status rc;

	if (existing && failed(staging_discard(existing, r->prepared)))
		trace(TRACE_ERROR,
			"%s: not all of the former restore's files could be "
			"removed: %s",
			r->server->name, status_pending());
	if (existing && failed(staging_discard_logs(existing, r->prepared)))
		trace(TRACE_ERROR,
			"%s: not all of the former restore's logs could be "
			"removed: %s",
			r->server->name, status_pending());
	rc = staging_discard(reg, r->prepared);
	return failed(rc) ? rc : staging_discard_logs(reg, r->prepared);
}

static bool is_half_done(const struct registration *r)
{
	return r->replaced || r->former.count > 0;
}

/* In another place than EXISTING's. Only one that recovery did not begin on may be gone
 * for a moment; else there are two for a moment, which keeps the service down, too. */
static status move_registration(const struct server *server,
	const struct registration *existing, const struct registration *reg)
{
	const bool begun = is_half_done(existing);
	status rc = STATUS_OK;

	if (!begun)
		rc = registration_remove(server, existing);
	if (!failed(rc))
		rc = registration_save(server, reg);
	if (!failed(rc) && begun)
		rc = registration_remove(server, existing);
	return rc;
}

/* What recovery of EXISTING began on is half done whoever goes on from there. */
static status remember_former(
	const struct registration *existing, struct registration *reg)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < existing->former.count && !failed(rc); i++)
		rc = names_add(&reg->former, existing->former.items[i]);
	if (!failed(rc) && existing->replaced)
		rc = names_add(&reg->former, existing->replaced);
	names_sort(&reg->former);
	return rc;
}

static status not_covered(const struct registration *existing, const char *path)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
		"%s: recovery of the registered restore has begun on it, and this set "
		"does not restore it: restore one that does%s",
		path, existing->former.count ? "" : ", or cancel that restore first");
}

static status list_covered(const struct registration *reg, struct names *covered)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < reg->target_count && !failed(rc); i++) {
		rc = names_add(covered, reg->targets[i].old_path);
		if (!failed(rc))
			rc = names_add(covered, reg->targets[i].new_path);
	}
	names_sort(covered);
	return rc;
}

static status check_targets(
	const struct registration *existing, const struct names *covered)
{
	for (size_t i = 0; i < existing->target_count; i++) {
		const struct restore_target *target = &existing->targets[i];

		if (!names_contains(covered, target->old_path) &&
			!names_contains(covered, target->new_path))
			return not_covered(existing, target->new_path);
	}
	return STATUS_OK;
}

/* For a restore without a map: it was one of all databases. */
static status check_all(const struct server *server, const struct registration *existing,
	const struct names *covered)
{
	struct locations all;
	status rc = locations_find(server, &all);

	if (failed(rc))
		return rc;
	for (size_t i = 0; i < all.count && !failed(rc); i++)
		if (all.items[i].kind == LOCATION_DATABASE &&
			!names_contains(covered, all.items[i].path))
			rc = not_covered(existing, all.items[i].path);
	locations_free(&all);
	return rc;
}

/* What recovery of EXISTING may have put in place must be replaced again: it would be a mix
 * of two sets else. Without a map, all databases are. */
static status check_covers(const struct server *server,
	const struct registration *existing, const struct registration *reg)
{
	struct names covered = {0};
	status rc;

	if (!is_half_done(existing) || reg->target_count == 0)
		return STATUS_OK;
	rc = list_covered(reg, &covered);
	if (!failed(rc))
		rc = existing->target_count ? check_targets(existing, &covered)
					    : check_all(server, existing, &covered);
	names_free(&covered);
	return rc;
}

static status make_full(const struct restore *r, const struct restore_request *q,
	struct registration **reg)
{
	struct registration *n = registration_new();
	status rc;

	*reg = n;
	if (!n)
		return status_no_memory();
	n->family = r->family;
	n->time = r->prepared;
	rc = request_read(r->server, q, n);
	if (!failed(rc))
		rc = choose_place(r, q, n);
	if (!failed(rc))
		rc = request_add_logs(r->server, q, n);
	if (!failed(rc))
		rc = registration_check(r->server, n);
	return failed(rc) ? rc : staging_check(n);
}

static status register_full(
	struct restore *r, const struct restore_request *q, struct registration *existing)
{
	struct registration *reg = NULL;
	status rc = existing ? check_existing(r, existing) : STATUS_OK;

	if (!failed(rc))
		rc = make_full(r, q, &reg);
	if (!failed(rc) && existing)
		rc = check_covers(r->server, existing, reg);
	if (!failed(rc) && existing)
		rc = remember_former(existing, reg);
	if (!failed(rc) && existing)
		rc = give_up(r->server, existing, REPLACED_BY_ANOTHER);
	if (!failed(rc))
		rc = discard_leftovers(r, existing, reg);
	if (!failed(rc))
		rc = existing && existing->in_store != reg->in_store
			     ? move_registration(r->server, existing, reg)
			     : registration_save(r->server, reg);
	if (!failed(rc))
		r->registered = true;
	registration_free(reg);
	return rc;
}

static status register_incremental(
	struct restore *r, const struct restore_request *q, struct registration *existing)
{
	status rc;

	if (!existing || existing->state == REGISTRATION_FAILED)
		return status_fail(hrNoFullRestore, "%s: %s", r->server->name,
			existing ? "the registered full restore failed, so nothing adds "
				   "to it"
				 : "an incremental set needs a registered full one");
	rc = check_maker(r, existing);
	if (!failed(rc) && existing->replaced)
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"%s: recovery has begun without this set; register the full one "
			"again, or cancel the restore",
			r->server->name);
	if (!failed(rc))
		rc = request_add_logs(r->server, q, existing);
	if (failed(rc))
		return rc;
	existing->state = REGISTRATION_OPEN;
	return registration_save(r->server, existing);
}

static status check_full_handle(const struct restore *r)
{
	if (r->full_handle)
		return STATUS_OK;
	return status_fail(hrInvalidHandle, "%s: this handle is for locations only",
		r->server->name);
}

status restore_register(struct restore *r, const struct restore_request *q)
{
	struct registration *existing = NULL;
	status rc = check_full_handle(r);

	if (!failed(rc))
		rc = request_check(r->server, q);
	if (!failed(rc))
		rc = registration_load(r->server, &existing);
	if (!failed(rc))
		rc = q->map_given ? register_full(r, q, existing)
				  : register_incremental(r, q, existing);
	registration_free(existing);
	return rc;
}

/* ---- complete, cancel, end ---- */

/* A restore that failed once stays a failed one: what was staged may be gone. */
static status check_completable(
	const struct restore *r, const struct registration *reg, status result)
{
	if (!reg)
		return status_fail(
			hrInvalidHandle, "%s: no restore is registered", r->server->name);
	if (reg->state == REGISTRATION_FAILED && !failed(result))
		return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"%s: the registered restore failed (%s); register a good one",
			r->server->name, status_name(reg->failure));
	return check_maker(r, reg);
}

status restore_complete(struct restore *r, status result)
{
	struct registration *reg = NULL;
	status rc = check_full_handle(r);

	if (!failed(rc))
		rc = registration_load(r->server, &reg);
	if (!failed(rc))
		rc = check_completable(r, reg, result);
	if (!failed(rc)) {
		reg->state = failed(result) ? REGISTRATION_FAILED : REGISTRATION_COMPLETE;
		reg->failure = failed(result) ? result : 0;
		rc = registration_save(r->server, reg);
	}
	registration_free(reg);
	return rc;
}

/* What a new registration took the place of, or was about to, may have lost staged files,
 * which would tell what is restored and what is not: then there is no way back, and what
 * stands there is no state that a service may start on. */
static status check_cancellable(
	const struct server *server, const struct registration *reg)
{
	bool given_up =
		reg->state == REGISTRATION_FAILED && reg->failure == REPLACED_BY_ANOTHER;

	if (reg->former.count > 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"%s: recovery of an earlier restore had begun (what it replaced "
			"is "
			"in %s/%s); register another full restore",
			server->name, server->state_dir, reg->former.items[0]);
	if (!reg->replaced || (!given_up && (geteuid() == 0 || !reg->in_store)))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
		"%s: recovery has begun (what it replaced is in %s/%s); %s", server->name,
		server->state_dir, reg->replaced,
		given_up ? "register another full restore" : "only root can go back");
}

/* Who wanted to cancel wants no recovery either: a new full restore of the same databases is
 * free to come. One that failed before keeps its code, which tells what may be done with it. */
static status refuse_to_cancel(
	const struct server *server, struct registration *reg, status why)
{
	status rc = STATUS_OK;

	if (reg->state != REGISTRATION_FAILED)
		rc = give_up(server, reg, STATUS_WIN32(ERROR_CANCELLED));
	return failed(rc) ? rc : why;
}

static status cancel_one(const struct server *server, struct registration *reg)
{
	status rc = check_cancellable(server, reg);

	if (failed(rc))
		return refuse_to_cancel(server, reg, rc);
	if (reg->replaced)
		return rollback_restore(server, reg);
	rc = give_up(server, reg, STATUS_WIN32(ERROR_CANCELLED));
	if (!failed(rc))
		rc = staging_discard(reg, STAGING_ALL);
	if (!failed(rc))
		rc = staging_discard_logs(reg, STAGING_ALL);
	return failed(rc) ? rc : registration_remove(server, reg);
}

/* The user's in the store first: it is the one that is not trusted. */
static status cancel_locked(const struct server *server)
{
	struct registration *found[2];
	status rc = registration_load_both(server, found);

	if (!failed(rc) && !found[0] && !found[1])
		rc = status_fail(
			hrInvalidHandle, "%s: no restore is registered", server->name);
	if (!failed(rc) && found[1])
		rc = cancel_one(server, found[1]);
	if (!failed(rc) && found[0])
		rc = cancel_one(server, found[0]);
	registration_free(found[0]);
	registration_free(found[1]);
	return rc;
}

status restore_cancel(const struct server *server)
{
	struct lock *lock;
	status rc = lock_take(server, LOCK_RESTORE, &lock);

	if (failed(rc))
		return rc;
	rc = cancel_locked(server);
	lock_release(lock);
	return rc;
}

const struct server *restore_server(const struct restore *r)
{
	return r->server;
}

bool restore_is_full_handle(const struct restore *r)
{
	return r->full_handle;
}

void restore_end(struct restore *r)
{
	lock_release(r->lock);
	server_free(r->server);
	free(r);
}
