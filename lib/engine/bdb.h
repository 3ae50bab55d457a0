/*
 * bdb.h - Berkeley DB environments, inside the store worker
 *
 * A session joins the live environment as one more of its processes. What it holds there
 * must be given back in order whatever happens to the caller, and is little: one
 * transaction, which keeps the server from removing logs.
 */
#ifndef ENGINE_BDB_H
#define ENGINE_BDB_H

#include <sys/types.h>

#include "engine/bdb_db.h"
#include "engine/hosted.h"

extern const struct engine bdb_hosted_engine;
extern const struct hosted_streaming bdb_streaming;

/* ---- between the files of this engine: bdb_env.c ---- */

struct run;

struct bdb_env {
	DB_ENV *handle;
	char *home;          /* of the environment: where its region files are */
	char *data;          /* the configured directory */
	char *log_dir;       /* as configured */
	dev_t region_device; /* of the region that was joined */
	ino_t region_inode;
	bool hung; /* a call did not come back: nothing here may be touched or freed */
	struct run *run; /* bdb_stream.c: the copying that is under way */
	char said[512];  /* by libdb, since the last call into it */
};

/* Finds the environment of STORE, without a call into libdb, and then joins it. Release with
 * bdb_leave, then bdb_env_free, also after a failure.
 *	hrCouldNotConnect	nobody has it open, or it is not one to be joined */
status bdb_locate(const struct store_config *store, struct bdb_env *env);
status bdb_join(struct bdb_env *env);
void bdb_leave(struct bdb_env *env);
void bdb_env_free(struct bdb_env *env); /* makes no call into libdb */

/* The server may have made its environment anew: nothing must then be done to this one any
 * more, for its logs are no longer where its region says. ERROR_INVALID_STATE. */
status bdb_still_joined(const struct bdb_env *env);

/* Collects what libdb says in ENV. */
void bdb_listen(struct bdb_env *env);

/* What the return value CODE of libdb means, with what libdb said; WHAT was at work on
 * PATH. */
status bdb_failure(struct bdb_env *env, int code, const char *path, const char *what);

/* Do both exist, and are they one? */
bool bdb_same_directory(const char *a, const char *b);

/* The mode for what libdb creates: that of the newest log, or of DIR's files otherwise. */
int bdb_file_mode(const char *log_dir);

/* ---- bdb_pin.c ---- */

/* Keeps logs from the present one on from being removed, by a transaction that has written
 * to the log. */
status bdb_pin(struct bdb_env *env, DB_TXN **pin);
status bdb_unpin(struct bdb_env *env, DB_TXN **pin);

status bdb_checkpoint(struct bdb_env *env);

/* The first log that recovery needs, and the newest there is. */
status bdb_needed_logs(struct bdb_env *env, uint32_t *first, uint32_t *newest);

/* Flushes the log; where it ends. */
status bdb_log_end(struct bdb_env *env, uint32_t *newest, uint32_t *length);

/* ---- bdb_list.c ---- */

/* What is to be copied, sorted by path. */
status bdb_list_databases(struct bdb_env *env, struct engine_files *files);

/* ---- bdb_held.c ---- */

struct bdb_held_log {
	int fd; /* stays valid when the server removes or renames the file */
	uint32_t generation;
	char *path; /* under its canonical name */
};

struct bdb_held {
	struct bdb_held_log *items;
	size_t count, capacity;
};

/* Opens the logs FIRST to LAST, each as log.N or log.N.old, behind those that are held.
 * hrLogFileNotFound where one is missing. */
status bdb_hold(
	struct bdb_held *held, const char *log_dir, uint32_t first, uint32_t last);
const struct bdb_held_log *bdb_held_find(
	const struct bdb_held *held, uint32_t generation);
void bdb_held_free(struct bdb_held *held);

/* Removes log.N and log.N.old with N < KEEP_FROM, lowest first, each durably. */
status bdb_remove_logs(const char *log_dir, uint32_t keep_from);

/* ---- bdb_page.c ---- */

/* What the first page of a database says about all of them. */
struct bdb_pages {
	uint32_t size;
	uint8_t type; /* of the first page */
	bool summed;  /* each page has a checksum (DB_CHKSUM) that can be checked here */
};

enum { BDB_META_SIZE = 512, BDB_HEAP_TYPE = 14 };

/* HEAD: the first BDB_META_SIZE bytes. False: not a database, or damaged. */
bool bdb_pages_read(const unsigned char *head, struct bdb_pages *pages);

/* Is the page PAGE with the number NUMBER undamaged, as far as its checksum tells? */
bool bdb_page_sound(
	const struct bdb_pages *pages, uint64_t number, const unsigned char *page);

/* ---- bdb_stream.c ---- */

struct bdb_stream {
	struct bdb_env *env;
	const struct hosted_engine *host;
	const char *path; /* below env->data */
	uint64_t size;
	struct bdb_pages pages;
};

/* How many bytes of the database PATH are to be streamed: whole pages. */
status bdb_stream_open(struct bdb_stream *stream, const char *path);
status bdb_stream_run(struct bdb_stream *stream, int pipe);

/* What a stream that hung, and does so no more, has left. */
void bdb_stream_drop(struct bdb_env *env);

/* ---- bdb_heap.c ---- */

/* hrReadVerifyFailure for a page with a wrong checksum. */
status bdb_heap_check(const struct bdb_stream *stream);

/* ---- bdb_recover.c ---- */

status bdb_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery);
status bdb_verify(const struct engine *engine, const char *path);

#endif
