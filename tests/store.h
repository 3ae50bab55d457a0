/*
 * store.h - a small store to back up and restore, in a private directory
 *
 *	DIR/conf/ca01.conf	its configuration (BACKUPAPI_CONFIG_DIR points there)
 *	DIR/state		state_dir
 *	DIR/data		the store itself
 *
 * The flat one is what `openssl ca` keeps (index.txt, serial, newcerts of two certificates);
 * the SQLite one is ca.db beside the glob extra*.db; the directory one (for the engines of
 * log_engine_files.h) is DIR/data itself with id.db, sub/entries.db and log.3. None has a
 * service: each is online until stopped. Both families use it.
 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include "server/history.h"
#include "server/registration.h"
#include "server/server.h"
#include "server/service.h"
#include "session/backup.h"
#include "session/restore.h"

#define STORE_NAME "ca01"

enum store_kind { STORE_FLAT, STORE_SQLITE, STORE_DIRECTORY };

struct store {
	enum store_kind kind;
	char *dir, *conf, *state, *data;
};

/* In a directory of its own below BASE, or in a fresh private one where BASE is NULL. */
struct store *store_make(enum store_kind kind, const char *base);
void store_free(struct store *store); /* the files stay: support_tmpdir removes them */

/* Writes the configuration again; EXTRA is put behind what is always there. */
void store_configure(const struct store *store, const char *extra);

struct server *store_server(void); /* as server_find gives it: the caller's */
void store_control(enum service_control control);
enum service_state store_state(void);

/* A path below DIR/data; valid until the 32nd call after this one. */
const char *store_path(const struct store *store, const char *name);

/* DIR/data/NAME holds exactly TEXT. */
void store_expect(const struct store *store, const char *name, const char *text);

/* Runs SQL on the file PATH (created where it is missing). */
void store_sql(const char *path, const char *sql);

/* The number that the query SQL gives. */
int store_sql_int(const char *path, const char *sql);

/* Is there, below any DIR/state/replaced-*, a file that was DIR/data/NAME and holds TEXT
 * (any content where TEXT is NULL)? */
bool store_was_replaced(const struct store *store, const char *name, const char *text);

/* Reads FILE of BACKUP to its end in pieces of SIZE; the content (free()) with a NUL. */
char *store_stream(struct backup *backup, const char *file, size_t size, size_t *length);

/* A CertSrv session. */
struct backup *store_prepare(enum backup_type type);

struct history store_history(void);
void store_put_history(struct history history);

/* Prepares, delivers everything, ends and records: a complete full backup. */
void store_back_up(void);

/* ---- restores: the store must be stopped ---- */

/* What was written before is older than a restore that is prepared from now on. */
void store_let_age(void);

struct restore *store_restore(unsigned family);

/* A full set without logs whose databases NAMES (NULL at the end) keep their places. */
status store_register(
	struct restore *restore, const struct store *store, const char *const *names);

/* Puts TEXT where recovery looks for the new DIR/data/NAME. */
void store_stage(const struct store *store, const char *name, const char *text);

/* Copies the file FROM there. */
void store_stage_file(const struct store *store, const char *name, const char *from);

status store_recover(void);
bool store_pending(void);

/* What is registered: the caller's; NULL for nothing. */
struct registration *store_registration(void);

/* Stops, registers NAMES, stages CONTENTS, completes, ends: ready for recovery. */
void store_restored(
	const struct store *store, const char *const *names, const char *const *contents);

#endif
