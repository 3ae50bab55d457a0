/*
 * registration.c - where the registration of a restore is kept, and whose it is
 *
 * Root never acts on the store's directory with its own rights: the directory is another
 * user's, who could make it a symbolic link to anywhere meanwhile.
 */
#include "server/registration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/identity.h"
#include "server/registration_record.h"
#include "server/server.h"

#define STATE_NAME   "registration"
#define STORE_NAME   ".backupapi-registration"
#define FILE_LARGEST ((size_t)256 << 20)
#define FILE_MARGIN  ((size_t)64) /* for the checksum line */

/* A directory that may hold a registration. */
struct place {
	int dirfd; /* -1: no such directory, or none that the caller may enter */
	char *dir;
	const char *name;
	bool in_store;
};

/* Only the system's own refusal counts: a state_dir that this library refuses, for its
 * owner or mode, may hold a registration that must not be overlooked. */
static bool may_not_enter(const char *dir)
{
	return faccessat(AT_FDCWD, dir, R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES;
}

static status open_state_place(const struct server *server, struct place *place)
{
	status rc;

	*place = (struct place){.dirfd = -1, .name = STATE_NAME};
	place->dir = strdup(server->state_dir);
	if (!place->dir)
		return status_no_memory();
	rc = server_open_state_dir(server, false, &place->dirfd);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (rc == STATUS_WIN32(ERROR_ACCESS_DENIED) && may_not_enter(server->state_dir))
		return STATUS_OK;
	return rc;
}

static status open_store_place(const struct server *server, struct place *place)
{
	*place = (struct place){.dirfd = -1, .name = STORE_NAME, .in_store = true};
	place->dir = server_store_dir(server);
	if (!place->dir)
		return status_no_memory();
	place->dirfd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dirfd < 0 && errno != ENOENT && errno != ENOTDIR)
		return status_errno(errno, "%s", place->dir);
	return STATUS_OK;
}

static void close_place(struct place *place)
{
	if (place->dirfd >= 0)
		(void)close(place->dirfd);
	free(place->dir);
	*place = (struct place){.dirfd = -1};
}

static status open_places(const struct server *server, struct place places[2])
{
	status rc;

	places[0] = places[1] = (struct place){.dirfd = -1};
	rc = open_state_place(server, &places[0]);
	return failed(rc) ? rc : open_store_place(server, &places[1]);
}

static void close_places(struct place places[2])
{
	close_place(&places[0]);
	close_place(&places[1]);
}

/* ---- reading ---- */

/* Root leaves none in another user's directory; that user may have moved one there. */
static bool is_planted(const struct place *place, const struct stat *st)
{
	struct stat dir;

	return place->in_store && st->st_uid == 0 &&
	       (fstat(place->dirfd, &dir) != 0 || dir.st_uid != 0);
}

static void check_file(struct record *r, const struct place *place, const struct stat *st)
{
	if (is_planted(place, st))
		record_refuse(r, "root's, in a directory of another user");
	if (st->st_nlink != 1)
		record_refuse(
			r, "has several names, so that its owner may not be its maker");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		record_refuse(r, "others than its owner may write it");
}

/* Takes R over. */
static status read_record(struct record *r, const struct server *server,
	const struct place *place, const struct stat *st,
	struct registration **registration)
{
	struct registration *found = registration_new();
	status rc;

	if (found) {
		found->maker = st->st_uid;
		found->maker_group = st->st_gid;
		found->in_store = place->in_store;
		check_file(r, place, st);
		registration_read(r, server, found);
	}
	rc = record_close(r);
	if (!found)
		return status_no_memory();
	if (failed(rc)) {
		registration_free(found);
		return rc;
	}
	*registration = found;
	return STATUS_OK;
}

static status load_place(const struct server *server, const struct place *place,
	struct registration **registration)
{
	struct record r;
	struct stat st;
	status rc;

	if (place->dirfd < 0)
		return STATUS_OK;
	rc = record_load(&r, place->dirfd, place->dir, place->name, FILE_LARGEST,
		REGISTRATION_FORMAT, &st);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	return failed(rc) ? rc : read_record(&r, server, place, &st, registration);
}

/* The file in the store is its maker's to write: that recovery has begun it says truly
 * only where root has made that directory, and given it to the maker. */
static bool is_makers(
	const struct place *state, const struct registration *r, const char *replaced)
{
	struct stat st;

	return state->dirfd >= 0 &&
	       fstatat(state->dirfd, replaced, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == r->maker;
}

static void check_former(const struct place *state, struct registration *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->former.count; i++)
		if (is_makers(state, r, r->former.items[i]))
			r->former.items[kept++] = r->former.items[i];
		else
			free(r->former.items[i]);
	r->former.count = kept;
}

static void check_replaced(const struct place *state, struct registration *r)
{
	if (geteuid() != 0)
		return;
	check_former(state, r);
	if (!r->replaced || is_makers(state, r, r->replaced))
		return;
	free(r->replaced);
	r->replaced = NULL;
	r->cleared = false;
	restore_choice_clear(&r->choice);
}

static status load_places(const struct server *server, const struct place places[2],
	struct registration *found[2])
{
	status rc = load_place(server, &places[0], &found[0]);

	if (!failed(rc))
		rc = load_place(server, &places[1], &found[1]);
	if (!failed(rc) && found[1])
		check_replaced(&places[0], found[1]);
	return rc;
}

status registration_load_both(const struct server *server, struct registration *found[2])
{
	struct place places[2];
	status rc = open_places(server, places);

	found[0] = found[1] = NULL;
	if (!failed(rc))
		rc = load_places(server, places, found);
	close_places(places);
	if (failed(rc)) {
		registration_free(found[0]);
		registration_free(found[1]);
		found[0] = found[1] = NULL;
	}
	return rc;
}

static status refuse_two(const struct server *server)
{
	char *dir = server_store_dir(server);
	status rc;

	if (!dir)
		return status_no_memory();
	rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
		"%s/%s and %s/%s: two restores are registered; cancelling as root gives "
		"both up",
		server->state_dir, STATE_NAME, dir, STORE_NAME);
	free(dir);
	return rc;
}

status registration_load(const struct server *server, struct registration **registration)
{
	struct registration *found[2];
	status rc = registration_load_both(server, found);

	*registration = NULL;
	if (failed(rc))
		return rc;
	if (found[0] && found[1]) {
		registration_free(found[0]);
		registration_free(found[1]);
		return refuse_two(server);
	}
	*registration = found[0] ? found[0] : found[1];
	return STATUS_OK;
}

/* A name that is there is a registration, whatever it holds. */
static status find_name(const struct place *place, bool *pending)
{
	struct stat st;

	if (place->dirfd < 0 || *pending)
		return STATUS_OK;
	if (fstatat(place->dirfd, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*pending = true;
	else if (errno != ENOENT)
		return status_errno(errno, "%s/%s", place->dir, place->name);
	return STATUS_OK;
}

status registration_pending(const struct server *server, bool *pending)
{
	struct place places[2];
	status rc = open_places(server, places);

	*pending = false;
	if (!failed(rc))
		rc = find_name(&places[0], pending);
	if (!failed(rc))
		rc = find_name(&places[1], pending);
	close_places(places);
	return rc;
}

/* ---- writing ---- */

typedef status (*change)(int dirfd, const char *name, void *argument);

static status change_in_state(
	const struct server *server, bool create, change apply, void *argument)
{
	int dirfd;
	status rc = server_open_state_dir(server, create, &dirfd);

	if (failed(rc))
		return rc;
	rc = apply(dirfd, STATE_NAME, argument);
	(void)close(dirfd);
	return rc;
}

struct store_change {
	const struct server *server;
	change apply;
	void *argument;
};

static status change_opened_store(void *context)
{
	const struct store_change *c = context;
	struct place place;
	status rc = open_store_place(c->server, &place);

	if (!failed(rc) && place.dirfd < 0)
		rc = status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: the store's directory does not exist", place.dir);
	if (!failed(rc))
		rc = c->apply(place.dirfd, place.name, c->argument);
	close_place(&place);
	return rc;
}

static status change_in_store(const struct server *server, const struct registration *r,
	change apply, void *argument)
{
	struct store_change c = {server, apply, argument};

	return identity_do(r->maker, r->maker_group, change_opened_store, &c);
}

static status write_text(int dirfd, const char *name, void *text)
{
	return record_save(text, dirfd, name);
}

static status remove_name(int dirfd, const char *name, void *unused)
{
	(void)unused;
	return file_remove_at(dirfd, name);
}

/* What could not be read again must not be written. */
static status make_text(const struct server *server,
	const struct registration *registration, struct buffer *text)
{
	const char *reason = registration_refused(registration);

	if (!reason)
		registration_write(text, server, registration);
	if (!reason && text->size > FILE_LARGEST - FILE_MARGIN)
		reason = "too many databases for one restore";
	if (!reason)
		return STATUS_OK;
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_PARAMETER), "%s: %s", server->name, reason);
}

status registration_check(
	const struct server *server, const struct registration *registration)
{
	struct buffer text = {0};
	status rc = make_text(server, registration, &text);

	buffer_free(&text);
	return rc;
}

status registration_save(
	const struct server *server, const struct registration *registration)
{
	struct buffer text = {0};
	status rc = make_text(server, registration, &text);

	if (!failed(rc))
		rc = registration->in_store
			     ? change_in_store(server, registration, write_text, &text)
			     : change_in_state(server, true, write_text, &text);
	buffer_free(&text);
	return rc;
}

status registration_remove(
	const struct server *server, const struct registration *registration)
{
	return registration->in_store
		       ? change_in_store(server, registration, remove_name, NULL)
		       : change_in_state(server, false, remove_name, NULL);
}
