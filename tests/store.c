#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stamp.h"
#include "session/recover.h"
#include "session/staging.h"
#include "support.h"

#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

#define INDEX                                                                            \
	"V\t351231235959Z\t\t01\tunknown\t/CN=one\n"                                     \
	"V\t351231235959Z\t\t02\tunknown\t/CN=two\n"

/* ---- making one ---- */

static char *make_dir(const char *parent, const char *name)
{
	char *path = support_path(parent, name);

	ck_assert_msg(mkdir(path, 0755) == 0, "cannot make %s", path);
	return path;
}

void store_configure(const struct store *s, const char *extra)
{
	static const char *const engines[] = {[STORE_FLAT] = "flat",
		[STORE_SQLITE] = "sqlite",
		[STORE_DIRECTORY] = "bdb"};
	char *path = support_path(s->conf, STORE_NAME ".conf");
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "[server]\nname = %s\nfamily = certsrv\nfamily = ds\n", STORE_NAME);
	fprintf(f, "authority = Test CA\nstate_dir = %s\nshare = certs=%s\n", s->state,
		s->data);
	fprintf(f, "[store]\nengine = %s\n", engines[s->kind]);
	if (s->kind == STORE_DIRECTORY) {
		fprintf(f, "database = %s\n", s->data);
	} else if (s->kind == STORE_FLAT) {
		fprintf(f, "database = %s/index.txt\n", s->data);
		fprintf(f, "database = %s/serial\n", s->data);
		fprintf(f, "database = %s/newcerts/*.pem\n", s->data);
	} else {
		fprintf(f, "database = %s/ca.db\n", s->data);
		fprintf(f, "database = %s/extra*.db\n", s->data);
	}
	fprintf(f, "dynamic = %s/crl/*.crl\ndynamic = %s/ca.pem\n", s->data, s->data);
	fprintf(f, "%s", extra ? extra : "");
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	free(path);
}

static void fill_flat(const struct store *s)
{
	free(make_dir(s->data, "newcerts"));
	free(make_dir(s->data, "crl"));
	support_write(store_path(s, "index.txt"), INDEX);
	support_write(store_path(s, "serial"), "03\n");
	support_write(store_path(s, "newcerts/01.pem"), "certificate one\n");
	support_write(store_path(s, "newcerts/02.pem"), "certificate two\n");
}

static void fill_sqlite(const struct store *s)
{
	store_sql(store_path(s, "ca.db"),
		"create table t(n integer, x text);"
		"insert into t values(1, 'old one'), (2, 'old two');");
}

static void fill_directory(const struct store *s)
{
	free(make_dir(s->data, "sub"));
	support_write(store_path(s, "id.db"), "old id\n");
	support_write(store_path(s, "sub/entries.db"), "old entries\n");
	support_write(store_path(s, "log.3"), "log A 3\nold\n");
}

struct store *store_make(enum store_kind kind, const char *base)
{
	struct store *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	s->kind = kind;
	s->dir = base ? make_dir(base, "store") : strdup(support_tmpdir());
	s->conf = make_dir(s->dir, "conf");
	s->data = make_dir(s->dir, "data");
	s->state = make_dir(s->dir, "state");
	ck_assert_int_eq(chmod(s->state, 0700), 0);
	store_configure(s, NULL);
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", s->conf, 1), 0);
	if (kind == STORE_FLAT)
		fill_flat(s);
	else if (kind == STORE_SQLITE)
		fill_sqlite(s);
	else
		fill_directory(s);
	return s;
}

void store_free(struct store *s)
{
	free(s->dir);
	free(s->conf);
	free(s->state);
	free(s->data);
	free(s);
}

/* ---- looking at it ---- */

struct server *store_server(void)
{
	struct server *server = NULL;
	status rc = server_find(FAMILY_ANY, STORE_NAME, &server);

	ck_assert_msg(rc == STATUS_OK, "server_find: %s", status_pending());
	return server;
}

void store_control(enum service_control control)
{
	struct server *server = store_server();
	status rc = service_control(server, control, NULL);

	ck_assert_msg(rc == STATUS_OK, "service_control: %s", status_pending());
	server_free(server);
}

enum service_state store_state(void)
{
	struct server *server = store_server();
	enum service_state state = SERVICE_STOPPED;

	ck_assert_int_eq(service_get_state(server, &state), STATUS_OK);
	server_free(server);
	return state;
}

const char *store_path(const struct store *s, const char *name)
{
	static char paths[32][4096];
	static unsigned next;
	char *path = paths[next++ % 32];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", s->data, name);
	return path;
}

void store_expect(const struct store *s, const char *name, const char *text)
{
	char *found;

	ck_assert_msg(support_exists(store_path(s, name)), "%s is missing", name);
	found = support_read(store_path(s, name));
	ck_assert_msg(strcmp(found, text) == 0, "%s holds \"%s\", not \"%s\"", name,
		found, text);
	free(found);
}

static bool holds(const char *path, const char *text)
{
	char *found;
	bool same;

	if (!support_exists(path))
		return false;
	found = support_read(path);
	same = !text || strcmp(found, text) == 0;
	free(found);
	return same;
}

/* PATH, or PATH with the number that a second file of that name gets. */
static bool holds_any(const char *path, const char *text)
{
	char numbered[4096 + 8];

	if (holds(path, text))
		return true;
	for (int i = 1; i < 10; i++) {
		(void)snprintf(numbered, sizeof(numbered), "%s.%d", path, i);
		if (holds(numbered, text))
			return true;
	}
	return false;
}

bool store_was_replaced(const struct store *s, const char *name, const char *text)
{
	DIR *dir = opendir(s->state);
	const struct dirent *entry;
	char path[4096];
	bool found = false;

	ck_assert_ptr_nonnull(dir);
	while (!found && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "replaced-", 9) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s%s/%s", s->state, entry->d_name,
			s->data, name);
		found = holds_any(path, text);
	}
	(void)closedir(dir);
	return found;
}

/* ---- SQLite ---- */

#ifdef HAVE_SQLITE
void store_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s",
		sql, message);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

int store_sql_int(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *query = NULL;
	int value;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &query, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(query), SQLITE_ROW);
	value = sqlite3_column_int(query, 0);
	ck_assert_int_eq(sqlite3_finalize(query), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return value;
}
#else
void store_sql(const char *path, const char *sql)
{
	ck_abort_msg("%s: this build has no SQLite to run %s", path, sql);
}

int store_sql_int(const char *path, const char *sql)
{
	store_sql(path, sql);
	return 0;
}
#endif

/* ---- backups ---- */

struct backup *store_prepare(enum backup_type type)
{
	struct backup *b = NULL;
	status rc = backup_prepare(store_server(), FAMILY_CERTSRV, type, &b);

	ck_assert_msg(rc == STATUS_OK, "backup_prepare: %s", status_pending());
	return b;
}

struct history store_history(void)
{
	struct server *server = store_server();
	struct history h;

	ck_assert_int_eq(history_load(server, &h), STATUS_OK);
	server_free(server);
	return h;
}

void store_put_history(struct history h)
{
	struct server *server = store_server();

	ck_assert_int_eq(history_save(server, &h), STATUS_OK);
	server_free(server);
}

char *store_stream(struct backup *b, const char *file, size_t size, size_t *length)
{
	uint64_t expected = 0;
	size_t got = 1, used = 0;
	char *content;

	ck_assert_int_eq(backup_open(b, file, 0, &expected), STATUS_OK);
	content = malloc((size_t)expected + size + 1);
	ck_assert_ptr_nonnull(content);
	while (got > 0) {
		ck_assert_int_eq(backup_read(b, content + used, size, &got), STATUS_OK);
		used += got;
		ck_assert_uint_le(used, expected);
	}
	ck_assert_uint_eq(used, expected);
	content[used] = '\0';
	if (length)
		*length = used;
	ck_assert_int_eq(backup_close(b), STATUS_OK);
	return content;
}

void store_back_up(void)
{
	const struct engine_files *files;
	struct backup *b = store_prepare(BACKUP_FULL);

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 65536, NULL));
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 65536, NULL));
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}

/* ---- restores ---- */

void store_let_age(void)
{
	while (stamp_next() == 0)
		continue;
}

struct restore *store_restore(unsigned family)
{
	struct restore *restore;
	status rc = restore_prepare(store_server(), family, true, &restore);

	ck_assert_msg(rc == STATUS_OK, "restore_prepare: %s", status_pending());
	return restore;
}

status store_register(
	struct restore *restore, const struct store *s, const char *const *names)
{
	const char *paths[16];
	struct restore_request q = {
		.map_given = true, .old_names = paths, .new_names = paths};

	while (names[q.map_count]) {
		paths[q.map_count] = store_path(s, names[q.map_count]);
		q.map_count++;
	}
	return restore_register(restore, &q);
}

static char *make_staging(const struct store *s, const char *name)
{
	char *staged = staging_path(store_path(s, name));
	char *dir, *slash;

	ck_assert_ptr_nonnull(staged);
	dir = strdup(staged);
	ck_assert_ptr_nonnull(dir);
	slash = strrchr(dir, '/');
	*slash = '\0';
	ck_assert_int_eq(file_make_dirs(dir, 0700), STATUS_OK);
	free(dir);
	return staged;
}

static void stage(const struct store *s, const char *name, const void *data, size_t size)
{
	char *staged = make_staging(s, name);
	const char *last;
	int dirfd;

	ck_assert_int_eq(
		file_open_parent(staged, FILE_TRUSTED, &dirfd, &last), STATUS_OK);
	ck_assert_int_eq(file_replace_at(dirfd, last, data, size, 0600), STATUS_OK);
	ck_assert_int_eq(close(dirfd), 0);
	free(staged);
}

void store_stage(const struct store *s, const char *name, const char *text)
{
	stage(s, name, text, strlen(text));
}

void store_stage_file(const struct store *s, const char *name, const char *from)
{
	char *data;
	size_t size;

	ck_assert_int_eq(
		file_read_at(AT_FDCWD, from, 1 << 24, &data, &size, NULL), STATUS_OK);
	stage(s, name, data, size);
	free(data);
}

status store_recover(void)
{
	struct server *server = store_server();
	status rc = recover_store(server);

	server_free(server);
	return rc;
}

bool store_pending(void)
{
	struct server *server = store_server();
	bool pending = false;

	ck_assert_int_eq(registration_pending(server, &pending), STATUS_OK);
	server_free(server);
	return pending;
}

struct registration *store_registration(void)
{
	struct server *server = store_server();
	struct registration *r = NULL;
	status rc = registration_load(server, &r);

	ck_assert_msg(rc == STATUS_OK, "registration_load: %s", status_pending());
	server_free(server);
	return r;
}

void store_restored(
	const struct store *s, const char *const *names, const char *const *contents)
{
	struct restore *restore;

	store_control(SERVICE_STOP);
	store_let_age();
	restore = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(restore, s, names), STATUS_OK);
	for (size_t i = 0; names[i]; i++)
		if (contents[i])
			store_stage(s, names[i], contents[i]);
	ck_assert_int_eq(restore_complete(restore, STATUS_OK), STATUS_OK);
	restore_end(restore);
}
