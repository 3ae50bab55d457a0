#include "scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "session/recover.h"
#include "session/staging.h"
#include "../log_engine_files.h"
#include "../support.h"

/* ---- the clock ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

/* A tree that was rebuilt after a power loss has new inodes, and change times cannot be
 * set: so the restore is dated into the future instead. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int result = __real_clock_gettime(clock, ts);

	if (clock == CLOCK_REALTIME_COARSE)
		ts->tv_sec += 3600;
	return result;
}

/* ---- blobs ---- */

static struct blob text(const char *string)
{
	struct blob b = {0};

	if (string) {
		b.data = strdup(string);
		b.size = strlen(string);
		ck_assert_ptr_nonnull(b.data);
	}
	return b;
}

static struct blob read_blob(const char *path)
{
	struct blob b = {0};

	if (support_exists(path))
		ck_assert_int_eq(
			file_read_at(AT_FDCWD, path, 1 << 24, &b.data, &b.size, NULL),
			STATUS_OK);
	return b;
}

static void write_blob(const char *path, const struct blob *b)
{
	const char *name;
	int dirfd;

	ck_assert_int_eq(file_open_parent(path, FILE_TRUSTED, &dirfd, &name), STATUS_OK);
	ck_assert_int_eq(file_replace_at(dirfd, name, b->data, b->size, 0600), STATUS_OK);
	ck_assert_int_eq(close(dirfd), 0);
}

static bool same(const struct blob *a, const struct blob *b)
{
	if (!a->data || !b->data)
		return !a->data && !b->data;
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static bool file_is(const char *path, const struct blob *b)
{
	struct blob found = read_blob(path);
	bool equal = same(&found, b);

	free(found.data);
	return equal;
}

/* ---- making ---- */

static void add(struct scene *s, const char *name, enum scene_way way, struct blob old,
	struct blob new)
{
	ck_assert_uint_lt(s->count, sizeof(s->files) / sizeof(s->files[0]));
	s->files[s->count++] = (struct scene_file){name, way, old, new};
	if (old.data)
		write_blob(store_path(s->store, name), &old);
}

static void fill_flat(struct scene *s)
{
	const char *index = "V\t351231235959Z\t\t02\tunknown\t/CN=two\n";
	const struct blob none = {0};

	add(s, "index.txt", SCENE_STAGED,
		text("V\t351231235959Z\t\t01\tunknown\t/CN=one\n"), text(index));
	add(s, "serial", SCENE_IN_PLACE, text("02\n"), text("03\n"));
	add(s, "newcerts/01.pem", SCENE_STAGED, text("certificate one\n"),
		text("restored one\n"));
	add(s, "newcerts/02.pem", SCENE_STAGED, none, text("restored two\n"));
	add(s, "newcerts/stray.pem", SCENE_MOVED_AWAY, text("not in the set\n"), none);
	(void)unlink(store_path(s->store, "newcerts/02.pem"));
}

static struct blob make_database(const struct store *store, const char *word)
{
	const char *path = store_path(store, "made");
	char sql[256];
	struct blob b;

	(void)snprintf(sql, sizeof(sql),
		"create table t(n, x); insert into t values(1, '%s'), (2, '%s')", word,
		word);
	store_sql(path, sql);
	b = read_blob(path);
	ck_assert_int_eq(unlink(path), 0);
	return b;
}

static void fill_sqlite(struct scene *s)
{
	const struct blob none = {0};

	add(s, "ca.db", SCENE_STAGED, make_database(s->store, "old"),
		make_database(s->store, "restored"));
	add(s, "ca.db-wal", SCENE_MOVED_AWAY, text("a stale wal"), none);
	add(s, "ca.db-journal", SCENE_MOVED_AWAY, text("a stale journal"), none);
	add(s, "extra1.db", SCENE_MOVED_AWAY, make_database(s->store, "stray"), none);
	add(s, "extra1.db-wal", SCENE_MOVED_AWAY, text("its wal"), none);
	add(s, "extra2.db", SCENE_IN_PLACE, none, make_database(s->store, "in place"));
}

static void add_log(struct scene *s, const char *name, enum scene_way way,
	const char *old, const char *new)
{
	add(s, name, way, text(old), text(new));
}

static char *set_path(const struct scene *s)
{
	return support_path(s->store->dir, "set");
}

/* The set's logs 3 and 4; the old 5 follows them, and 3 is another. */
static void write_set(const struct scene *s)
{
	const struct blob logs[] = {
		text("log A 3\nthree\nend\n"), text("log A 4\nfour\n")};
	char *set = set_path(s), *three = support_path(set, "log.3");
	char *four = support_path(set, "log.4.part-13");

	ck_assert_int_eq(file_make_dirs(set, 0700), STATUS_OK);
	write_blob(three, &logs[0]);
	write_blob(four, &logs[1]);
	free(logs[0].data);
	free(logs[1].data);
	free(three);
	free(four);
	free(set);
}

static void fill_directory(struct scene *s)
{
	const struct blob none = {0};

	log_engine =
		(struct log_engine){.in_use = true, .engine = &log_engine_of_directory};
	add(s, "id.db", SCENE_STAGED, text("old id\n"), text("new id\n"));
	add(s, "sub/entries.db", SCENE_IN_PLACE, text("old entries\n"),
		text("new entries\n"));
	add(s, "sub/stray.db", SCENE_MOVED_AWAY, text("not in the set\n"), none);
	add(s, "__db.001", SCENE_MOVED_AWAY, text("region\n"), none);
	add_log(s, "log.3", SCENE_REPLAYED, "log B 3\nold\n", "log A 3\nthree\nend\n");
	add_log(s, "log.4", SCENE_REPLAYED, "log A 4\nfour\nmore\nend\n",
		"log A 4\nfour\nmore\nend\n");
	add_log(s, "log.5", SCENE_REPLAYED, "log A 5\nfive\n",
		"log A 5\nfive\nrecovered\n");
	add_log(s, "log.7", SCENE_MOVED_AWAY, "log A 7\n", NULL);
	write_set(s);
}

struct scene *scene_make(enum store_kind kind, const char *base, const char *state_base)
{
	struct scene *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	s->store = store_make(kind, base);
	if (state_base) {
		free(s->store->state);
		s->store->state = strdup(state_base);
		store_configure(s->store, NULL);
	}
	log_engine.in_use = false;
	if (kind == STORE_FLAT)
		fill_flat(s);
	else if (kind == STORE_SQLITE)
		fill_sqlite(s);
	else
		fill_directory(s);
	store_control(SERVICE_STOP);
	return s;
}

void scene_free(struct scene *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->files[i].old.data);
		free(s->files[i].new.data);
	}
	store_free(s->store);
	free(s);
}

/* ---- restoring ---- */

static void copy_in(const struct scene *s, const struct scene_file *f)
{
	const char *target = store_path(s->store, f->name);
	char *staged = staging_path(target), *slash = strrchr(staged, '/');

	if (f->way == SCENE_IN_PLACE) {
		write_blob(target, &f->new);
	} else {
		*slash = '\0';
		ck_assert_int_eq(file_make_dirs(staged, 0700), STATUS_OK);
		*slash = '/';
		write_blob(staged, &f->new);
	}
	free(staged);
}

/* Does the caller copy it? */
static bool is_copied(const struct scene_file *f)
{
	return f->way == SCENE_STAGED || f->way == SCENE_IN_PLACE;
}

static void register_scene(const struct scene *s, struct restore *r)
{
	const char *paths[8];
	char *set = set_path(s);
	struct restore_request q = {
		.map_given = true, .old_names = paths, .new_names = paths};

	for (size_t i = 0; i < s->count; i++)
		if (is_copied(&s->files[i]))
			paths[q.map_count++] = store_path(s->store, s->files[i].name);
	if (s->store->kind == STORE_DIRECTORY) {
		q.backup_log_path = set;
		q.low = 3;
		q.high = 4;
	}
	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	free(set);
}

void scene_restore(const struct scene *s)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	register_scene(s, r);
	for (size_t i = 0; i < s->count; i++)
		if (is_copied(&s->files[i]))
			copy_in(s, &s->files[i]);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
}

/* ---- judging ---- */

/* Is a copy of DIR/data/NAME with this content below any replaced-* directory, perhaps
 * with a number behind its name? */
static bool was_replaced(
	const struct scene *s, const char *name, const struct blob *content)
{
	DIR *dir = opendir(s->store->state);
	const struct dirent *d;
	bool found = false;
	char path[9000];

	ck_assert_ptr_nonnull(dir);
	while (!found && (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, "replaced-", 9) != 0)
			continue;
		for (int i = 0; i < 4 && !found; i++) {
			int length = snprintf(path, sizeof(path), "%s/%s%s/%s",
				s->store->state, d->d_name, s->store->data, name);

			if (i > 0)
				(void)snprintf(path + length,
					sizeof(path) - (size_t)length, ".%d", i);
			found = file_is(path, content);
		}
	}
	(void)closedir(dir);
	return found;
}

static bool is_staged(const struct scene *s, const struct scene_file *f)
{
	char *staged = staging_path(store_path(s->store, f->name));
	bool good = f->new.data &&file_is(staged, &f->new);

	free(staged);
	return good;
}

/* What the caller overwrites with its own hands is the caller's affair. */
static void expect_old_kept(const struct scene *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct scene_file *f = &s->files[i];

		if (f->way == SCENE_IN_PLACE || !f->old.data)
			continue;
		ck_assert_msg(file_is(store_path(s->store, f->name), &f->old) ||
				      was_replaced(s, f->name, &f->old),
			"the old %s is lost", f->name);
	}
}

static void expect_new_there(const struct scene *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct scene_file *f = &s->files[i];

		if (!is_copied(f))
			continue;
		ck_assert_msg(file_is(store_path(s->store, f->name), &f->new) ||
				      is_staged(s, f),
			"the new %s is lost", f->name);
	}
}

static void expect_old_in_place(const struct scene *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct scene_file *f = &s->files[i];

		if (f->way == SCENE_IN_PLACE)
			continue;
		ck_assert_msg(file_is(store_path(s->store, f->name), &f->old),
			"%s was touched before anything was complete", f->name);
	}
}

void scene_expect_finished(const struct scene *s)
{
	ck_assert(!store_pending());
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert(store_history().certsrv.needs_full);
	expect_old_kept(s);
	for (size_t i = 0; i < s->count; i++) {
		const struct scene_file *f = &s->files[i];

		ck_assert_msg(file_is(store_path(s->store, f->name), &f->new),
			"%s is not what the restore should give", f->name);
		ck_assert_msg(!is_staged(s, f), "%s is still staged", f->name);
	}
	ck_assert_int_eq(store_recover(), STATUS_OK);
}

/* ---- going on after a crash ---- */

static void recover(void)
{
	status rc = store_recover();

	ck_assert_msg(
		rc == STATUS_OK, "recovery: %s: %s", status_name(rc), status_pending());
}

/* Nothing may be recovered from it; a new restore begins from the start. */
static void finish_unregistered(const struct scene *s, bool open)
{
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	expect_old_in_place(s);
	ck_assert_int_eq(store_recover(), open ? hrRestoreInProgress : STATUS_OK);
	expect_old_in_place(s);
	scene_restore(s);
	recover();
}

void scene_finish(const struct scene *s)
{
	struct registration *r = store_registration();

	if (r && r->state == REGISTRATION_COMPLETE) {
		expect_old_kept(s);
		expect_new_there(s);
		recover();
	} else if (r || store_state() == SERVICE_STOPPED) {
		ck_assert(!r || r->state == REGISTRATION_OPEN);
		finish_unregistered(s, r != NULL);
	}
	registration_free(r);
	scene_expect_finished(s);
}
