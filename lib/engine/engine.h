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

/* A restore as the engine sees it: databases are in place when it is called. */
struct engine_recovery {
	const struct names *databases; /* where the restored ones are now */
	const char *log_dir;
	const char *system_dir;
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

	/* Engines with ENGINE_LOGS only; else NULL. Deletes logs below KEEP_FROM that
	 * recovery does not need. */
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

	/* The generation in a log's name; NULL without ENGINE_LOGS. */
	status (*generation)(const char *path, uint32_t *generation);
};

/* The engine that STORE's configuration names, or with `auto` the one whose format its
 * first existing database has; flat where none recognises it. ERROR_NOT_SUPPORTED, naming
 * the engine, where this build lacks it; with `auto`, ERROR_BAD_CONFIGURATION where the
 * databases are of different formats. The store worker looks, where there is one: no file
 * is opened in this process, whose own locks on it would be lost (fcntl). */
status engine_find(const struct store_config *store, const struct engine **engine);

/* By name or, with NULL or "auto", by PATH's magic. */
status engine_for_file(const char *name, const char *path, const struct engine **engine);

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

#endif
