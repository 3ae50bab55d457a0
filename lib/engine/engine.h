/*
 * engine.h - what one kind of database must be able to do
 *
 * An engine freezes one recoverable state of a store, lists and streams it, and makes
 * restored files serve again. Those that only read files run in the caller; those
 * that must join a live database run in backupapi-worker and are reached through
 * engine/worker.c, which offers these same operations. engine.c holds the one table.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/names.h"
#include "base/status.h"
#include "server/config.h"

enum engine_trait {
	ENGINE_LOGS = 1, /* keeps transaction logs: incremental backups, truncation */
	ENGINE_IN_CALLER = 2, /* runs in the calling thread, with its rights: no worker */
	ENGINE_DIRECTORY = 4, /* what `database` names is a directory with all its files */
	ENGINE_LOGGED_NAMES = 8, /* replay finds databases by their names below one home: a
				    restore may move the home, not rename files in it */
};

struct engine_begin {
	bool incremental;
	uint32_t first_generation; /* incremental: the first log wanted */
};

enum engine_file_kind { ENGINE_DATABASE, ENGINE_LOG, ENGINE_PATCH };

/* One file of a frozen state. */
struct engine_file {
	char *path; /* POSIX, absolute: where the file lives, or the log's listed name */
	enum engine_file_kind kind;
	uint32_t generation; /* of a log; else 0 */
	uint64_t size;	     /* in bytes, as frozen */
};

struct engine_files {
	struct engine_file *items;
	size_t count;
	size_t capacity;
};

/* A log file as it lies in a directory. */
struct engine_log {
	char *path;
	uint32_t generation;
	uint64_t size; /* in bytes */
	bool part;     /* an unfinished one, under the name that a backup gave it */
};

struct engine_logs {
	struct engine_log *items;
	size_t count;
	size_t capacity;
};

/* A restore as the engine sees it: databases and logs are in place when it is called. */
struct engine_recovery {
	const struct names *databases; /* where the restored ones are now */
	const char *home;	       /* ENGINE_DIRECTORY: what they are below; else NULL */
	const char *log_dir;
	const char *system_dir;
	uint32_t low, high; /* the logs that are to be replayed; 0, 0: none */
};

struct engine_session; /* each engine's own, made by begin */

struct engine {
	const char *name;
	unsigned traits; /* of enum engine_trait */

	/* Freezes one state, or fails within a bounded time and leaves nothing behind. */
	status (*begin)(const struct engine *engine, const struct store_config *store,
		const struct engine_begin *how, struct engine_session **session);

	/* What must be streamed, in order, sorted by path: the databases (none for an
	 * incremental one), then, asked for once, the logs. FILES is empty on entry. */
	status (*databases)(struct engine_session *session, struct engine_files *files);
	status (*logs)(struct engine_session *session, struct engine_files *files);

	/* One file at a time: open one that was listed, read it to its end, close.
	 * *SIZE is the number of bytes that read will give. READ_HINT in bytes, 0: own
	 * choice. read gives fewer bytes than asked only at the end. */
	status (*open)(struct engine_session *session, const struct engine_file *file,
		size_t read_hint, uint64_t *size);
	status (*read)(struct engine_session *session, void *buffer, size_t size, size_t *got);
	void (*close)(struct engine_session *session);

	/* Engines with ENGINE_LOGS only; else NULL. Deletes, oldest first, logs below
	 * KEEP_FROM that recovery does not need. Nothing else is asked of the session
	 * afterwards. */
	status (*truncate)(struct engine_session *session, uint32_t keep_from);

	/* Releases everything; NULL is fine. */
	void (*end)(struct engine_session *session);

	/* Files beside a database PATH that must not survive its replacement (a stale
	 * -wal): their full paths are added to STALE whether they exist or not. NULL: none. */
	status (*stale_files)(const char *path, struct names *stale);

	/* Replays and checks the restored state. */
	status (*recover)(const struct engine *engine, const struct store_config *store,
		const struct engine_recovery *recovery);

	/* The format's own checks on one file; NULL where the format has none. */
	status (*verify)(const struct engine *engine, const char *path);

	/* ENGINE_DIRECTORY, and others with files beside their databases; else NULL. Looks at
	 * the directories of STORE as they are now, missing ones included, in the calling
	 * process and without opening what would lose a lock by being closed. DATABASES (NULL:
	 * not wanted; without ENGINE_DIRECTORY nothing) receives what a session would
	 * list; LEFTOVERS (NULL: not wanted) what must not survive a restore: region files,
	 * lock files, checkpoints, marks of a clean shutdown; no logs. Both full paths. */
	status (*survey)(const struct store_config *store, struct names *databases,
		struct names *leftovers);

	/* The rest with ENGINE_LOGS; else NULL. All run in the calling process. */

	/* The generation in a log's name, as a session listed it or as it lies in a log
	 * directory. ERROR_INVALID_NAME for what is no log's. */
	status (*generation)(const char *path, uint32_t *generation);

	/* The logs in the directory DIR, by generation, then the shorter ones first; nothing
	 * where there is no such directory. Names as in `generation`; temporary and
	 * reserve logs are none. */
	status (*find_logs)(
		const struct store_config *store, const char *dir, struct engine_logs *logs);

	/* Is the longer one of two of the same generation a later copy of the shorter, so
	 * that it can stand for it? */
	status (*log_continues)(const struct engine_log *shorter,
		const struct engine_log *longer, bool *continues);

	/* COUNT logs, their generations rising by one: is each undamaged, and do they make
	 * one sequence? Only the last may be a part. hrLogFileCorrupt,
	 * hrGivenLogFileIsNotContiguous, hrGivenLogFileHasBadSignature, naming the file. */
	status (*check_logs)(const struct store_config *store, const struct engine_log *logs,
		size_t count);

	/* The name, without a directory, under which replay looks for LOG; NEWEST: the last
	 * one there is. A new string. */
	status (*log_name)(const struct store_config *store, const struct engine_log *log,
		bool newest, char **name);
};

/* The engine that STORE's configuration names, or with `auto` the one whose format its
 * first existing database has, or, where it is lost, the logs beside its place; flat where
 * none recognises it. ERROR_NOT_SUPPORTED, naming
 * the engine, where this build lacks it; with `auto`, ERROR_BAD_CONFIGURATION where the
 * databases are of different formats. The store worker looks, where there is one: no file
 * is opened in this process, whose own locks on it would be lost (fcntl). */
status engine_find(const struct store_config *store, const struct engine **engine);

/* Does STORE name what ENGINE can take? With ENGINE_DIRECTORY one directory, which may be
 * missing; else ERROR_BAD_CONFIGURATION, naming what stands there instead. engine_find asks
 * this, too. */
status engine_check_store(const struct engine *engine, const struct store_config *store);

/* By name or, with NULL or "auto", by PATH's magic. */
status engine_for_file(const char *name, const char *path, const struct engine **engine);

/* The same for the files of one store, some of which may have no format of their own (a
 * text file beside databases): the first of PATHS, sorted or not, that has one decides,
 * flat where none has. What is missing says nothing; where all are,
 * ERROR_FILE_NOT_FOUND. */
status engine_for_files(
	const char *name, const struct names *paths, const struct engine **engine);

/* Adds what the configured files and globs (wildcard.h) stand for to PATHS: sorted,
 * without duplicates, regular files (a symbolic link to one counts as itself). A plain path
 * that does not exist is ERROR_FILE_NOT_FOUND; a glob may match nothing, and leaves out
 * directories. A device, pipe or socket, a directory given as a plain path, a matched
 * symbolic link to nothing, a directory that cannot be read and, for root, a link of another
 * user's to a directory, are errors that name it.
 * PATHS is the caller's to free, also on failure. */
status engine_expand(const struct names *patterns, struct names *paths);

/* The same, but only the regular files that are there: whatever else matches, links to
 * nothing, and for root links of other users, is left out. A directory that cannot be read
 * is an error. */
status engine_expand_present(const struct names *patterns, struct names *paths);

status engine_files_add(struct engine_files *files, const char *path, enum engine_file_kind kind,
	uint32_t generation, uint64_t size);
void engine_files_free(struct engine_files *files);

/* Takes PATH (NULL: memory is short) over, also when it fails. */
status engine_logs_take(struct engine_logs *logs, char *path, uint32_t generation,
	uint64_t size, bool part);
void engine_logs_sort(struct engine_logs *logs); /* as find_logs gives them */
void engine_logs_free(struct engine_logs *logs);

#endif
