/*
 * backupapi/backupapi.h - what the Windows headers do not cover
 *
 * Errors are HRESULT codes as int32_t (0 is success, negative values are errors; see
 * ntdsbmsg.h and backupapi/errors.h). Narrow text is UTF-8, and sizes are in bytes. Every
 * function may be called from any thread. What a function returns in allocated memory is
 * released with backupapi_free() and with nothing else. Where a function fails, its out
 * parameters are NULL or 0, the thread's last error is set, and backupapi_error_detail()
 * names the file and the reason.
 *
 * A `server` parameter is the name or an alias of a configured server of either family,
 * compared without case, leading backslashes optional; NULL, "", "." and "localhost"
 * mean the only server that is configured on this host. Functions that take one fail
 * with
 *	HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE)	no such server
 *	HRESULT_FROM_WIN32(ERROR_INVALID_PARAMETER)	this host is meant, but it has
 *							several
 *	HRESULT_FROM_WIN32(ERROR_INVALID_NAME)		not a server name at all
 *	HRESULT_FROM_WIN32(RPC_S_INVALID_BINDING)	configured as being on another
 *							machine
 *	HRESULT_FROM_WIN32(ERROR_BAD_CONFIGURATION)	its configuration is broken or
 *							ambiguous
 *	HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED)		files or state that the caller may
 *							not use
 *	HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_MEMORY)
 * besides what each function names.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_BACKUPAPI_H
#define BACKUPAPI_BACKUPAPI_H

#include <stddef.h>

#include <backupapi/errors.h>
#include <backupapi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "1.0.0". Static. */
BACKUPAPI_EXPORT const char *backupapi_version(void);

/* ---- errors ---- */

/*
 * The calling thread's last error, as GetLastError() would hold it: the code that the
 * last failing function returned, or, for the functions that return BOOL or nothing, the
 * plain Win32 code. Calls that succeed leave it alone; 0 before the first failure.
 */
BACKUPAPI_EXPORT uint32_t backupapi_get_last_error(void);

/* Sets the calling thread's last error, and forgets its detail. */
BACKUPAPI_EXPORT void backupapi_set_last_error(uint32_t code);

/*
 * Which file, and why: one line about the calling thread's last failure, "" where there
 * is nothing to say. Never NULL; valid until the thread's next failing call. Do not free.
 */
BACKUPAPI_EXPORT const char *backupapi_error_detail(void);

/*
 * The name ("hrBackupInProgress") and a sentence for an HRESULT or a plain Win32 code.
 * Never NULL, static: "unknown error" and the like for codes that nobody defined.
 */
BACKUPAPI_EXPORT const char *backupapi_error_name(int32_t code);
BACKUPAPI_EXPORT const char *backupapi_error_text(int32_t code);

/* ---- memory ---- */

/* Whose block it is: which Free takes it back. */
#define BACKUPAPI_MEMORY_CERTSRV 0u /* CertSrvBackupFree */
#define BACKUPAPI_MEMORY_DS      1u /* DsBackupFree */
#define BACKUPAPI_MEMORY_SIS     2u /* SisFreeAllocatedMemory */
#define BACKUPAPI_MEMORY_NATIVE  3u /* backupapi_free */

/*
 * Releases what a backupapi_ function returned. NULL is fine. Any other pointer that is
 * not the start of such a block is refused: left untouched, counted, and reported as
 * the environment variable BACKUPAPI_INVALID_FREE or the handler below says; the last
 * error becomes ERROR_INVALID_BLOCK.
 */
BACKUPAPI_EXPORT void backupapi_free(void *block);

/*
 * Called after any family's Free refused POINTER (which must not be dereferenced), in the
 * thread that called Free, with no lock held. One handler a process; NULL goes back to
 * what BACKUPAPI_INVALID_FREE says (ignore, report, abort).
 */
typedef void (*backupapi_invalid_free_handler)(
	void *context, uint32_t memory, void *pointer);
BACKUPAPI_EXPORT void backupapi_set_invalid_free_handler(
	backupapi_invalid_free_handler handler, void *context);

struct backupapi_memory_stats {
	uint64_t live_blocks;
	uint64_t live_bytes;    /* as asked for, bookkeeping not included */
	uint64_t refused_frees; /* since the process began */
};

/* MEMORY is one of BACKUPAPI_MEMORY_...; another value or a NULL STATS is
 * ERROR_INVALID_PARAMETER. */
BACKUPAPI_EXPORT int32_t backupapi_get_memory_stats(
	uint32_t memory, struct backupapi_memory_stats *stats);

/* ---- names ---- */

/*
 * The POSIX path behind a name as the lists give it: UNC or POSIX, with or without the
 * file type tag, in WCHAR or (_a) UTF-8. A UNC name of a configured server may use its
 * shares; posix$ works for any server. NULL on failure: ERROR_INVALID_NAME for what is
 * no absolute name or contains "." or "..", ERROR_INVALID_PARAMETER for NULL,
 * ERROR_NO_UNICODE_TRANSLATION for what is no Unicode: characters above U+10FFFF, and
 * surrogates alone but for U+DC80 to U+DCFF, which are bytes of the path.
 */
BACKUPAPI_EXPORT char *backupapi_path_from_name(const WCHAR *name)
	BACKUPAPI_TEXT(backupapi_path_from_name);
BACKUPAPI_EXPORT char *backupapi_path_from_name_a(const char *name);

/*
 * The name under which SERVER lists the absolute PATH, without a tag. Bytes of PATH that
 * are not UTF-8 become U+DC80..U+DCFF. NULL on failure.
 */
BACKUPAPI_EXPORT WCHAR *backupapi_name_from_path(const char *server, const char *path)
	BACKUPAPI_TEXT(backupapi_name_from_path);
BACKUPAPI_EXPORT char *backupapi_name_from_path_a(const char *server, const char *path);

/*
 * The generation number in a log's name, as SERVER's engine counts.
 * ERROR_NOT_SUPPORTED where its store keeps no logs, ERROR_INVALID_NAME where NAME is not
 * a log's.
 */
BACKUPAPI_EXPORT int32_t backupapi_log_generation(const char *server, const WCHAR *name,
	uint32_t *generation) BACKUPAPI_TEXT(backupapi_log_generation);

/* ---- servers ---- */

#define BACKUPAPI_FAMILY_CERTSRV   1u
#define BACKUPAPI_FAMILY_DS        2u

#define BACKUPAPI_STATE_STOPPED    0u
#define BACKUPAPI_STATE_SERVING    1u
#define BACKUPAPI_STATE_SUSPENDED  2u

#define BACKUPAPI_RESTORE_NONE     0u
#define BACKUPAPI_RESTORE_OPEN     1u /* registered, files being copied */
#define BACKUPAPI_RESTORE_COMPLETE 2u /* the next start recovers */
#define BACKUPAPI_RESTORE_FAILED   3u /* completed with a failure: stays down */

/* A server at the moment of the call, in one block: the strings live inside it. Times are
 * seconds since 1970, 0: never. Lists are like the Windows ones: strings one after the
 * other, an empty one at the end. Each family continues its own backups alone, so a server
 * of both has two sets of last backups: the first is about CertSrv ones, of a server
 * without that family about its Ds ones; the one with ds_ is about Ds ones, and all 0
 * where the server has none of that family. */
struct backupapi_server_info {
	uint32_t size;     /* of this structure, in bytes: newer libraries append to it */
	uint32_t families; /* of BACKUPAPI_FAMILY_... */
	const char *name;
	const char *authority; /* NULL unless configured */
	const char *engine;    /* the one in use: "auto" has been resolved */
	const char *state_dir;
	const char *config_file;
	const char *databases; /* list of paths */
	const char *log_dir;
	const char *system_dir;
	uint32_t database_count;
	uint32_t state;         /* BACKUPAPI_STATE_... */
	uint32_t has_logs;      /* incremental backups are possible in principle */
	uint32_t restore;       /* BACKUPAPI_RESTORE_... */
	uint32_t restore_maker; /* the user id that registered it */
	int32_t restore_result; /* the code given with BACKUPAPI_RESTORE_FAILED */
	int64_t restore_time;
	int64_t last_full_time;
	int64_t last_incremental_time;
	uint32_t full_required;   /* 1: the next backup must be a full one */
	uint32_t next_generation; /* what an incremental would begin with; 0: none */
	uint32_t tombstone_days;
	uint32_t ds_next_generation; /* the same about Ds backups, where it has that family */
	int64_t ds_last_full_time;
	int64_t ds_last_incremental_time;
	uint32_t ds_full_required;
	uint32_t engine_recognised; /* 1: not configured, but what the files look like */
};

/* *INFO: backupapi_free(). A state or list that cannot be found out fails the call. */
BACKUPAPI_EXPORT int32_t backupapi_server_status(
	const char *server, struct backupapi_server_info **info);

#define BACKUPAPI_CONTROL_STOP    1u
#define BACKUPAPI_CONTROL_START   2u
#define BACKUPAPI_CONTROL_SUSPEND 3u
#define BACKUPAPI_CONTROL_RESUME  4u

/*
 * Returns when the state is reached. OUTPUT may be NULL; else *OUTPUT receives what the
 * service manager printed (NULL where nothing), also on failure: backupapi_free().
 * Starting recovers a completed restore first.
 *	ERROR_SERVICE_REQUEST_TIMEOUT	not reached in the configured time
 *	ERROR_INVALID_SERVICE_CONTROL	the service cannot be suspended or resumed
 *	ERROR_INVALID_PARAMETER		no such control
 *	hrRestoreInProgress		start: a restore is registered and not completed
 */
BACKUPAPI_EXPORT int32_t backupapi_server_control(
	const char *server, uint32_t control, char **output);

/*
 * The names of all configured servers, as a list in one block (backupapi_free()), and
 * its size in bytes, both NULs at the end included (SIZE may be NULL). A configuration
 * file that is broken is left out; with BROKEN not NULL, *BROKEN receives a list of
 * "file:line: reason" for those (also backupapi_free(); never NULL on success).
 */
BACKUPAPI_EXPORT int32_t backupapi_server_list(
	char **names, uint32_t *size, char **broken);

/*
 * The files that belong to SERVER but not to its database (`dynamic` in backupapi.conf(5):
 * CRLs, certificates, configuration), as they are now: a list of paths, sorted, in one
 * block (backupapi_free()), and its size in bytes, both NULs at the end included (SIZE may
 * be NULL). What CertSrvBackupGetDynamicFileList gives for a backup, for either family.
 */
BACKUPAPI_EXPORT int32_t backupapi_dynamic_files(
	const char *server, char **files, uint32_t *size);

/* ---- sessions ---- */

/*
 * Ends a backup handle (HCSBC or HBC) without recording the backup: for a caller whose
 * own medium failed, since reading is not yet saving. A backup that truncated logs was
 * recorded then, and stays so. The handle is gone whatever is returned.
 * ERROR_INVALID_HANDLE: not a live backup handle of this process.
 */
BACKUPAPI_EXPORT int32_t backupapi_backup_abandon(void *handle);

/*
 * Recovers a registered and completed restore: puts the databases in place, replays,
 * checks. To be called before the service starts; S_OK at once where nothing is
 * registered. May be killed at any moment and called again. Needs the rights to change
 * the store's files and state_dir.
 *	hrRestoreInProgress		not completed, completed with a failure, or a
 *					restore or recovery of this store is running
 *	ERROR_SERVICE_ALREADY_RUNNING	the service runs
 *	hrMissingRestoreLogFiles	logs of the registered ranges, or between them, are
 *					missing: nothing was moved yet, and another set may be
 *					registered
 *	hrGivenLogFileIsNotContiguous, hrLogFileCorrupt		the logs are of different
 *					sequences, or damaged
 *	ERROR_FILE_NOT_FOUND		a database of the set is neither staged nor in
 *					place
 *	and what the engine's check finds.
 * On failure nothing is cleared: the service must stay down.
 */
BACKUPAPI_EXPORT int32_t backupapi_recover(const char *server);

/*
 * Gives a pending registration up and removes what was staged for it; by root also a
 * second one that a user made in the store meanwhile. Where recovery has begun to move
 * files, it goes back: what was restored is moved to a new replaced-<time> in state_dir,
 * and the old files return to their places. May be killed and called again.
 *	hrInvalidHandle		nothing is registered
 *	hrRestoreInProgress	a live restore handle or a recovery holds the store
 *	ERROR_SERVICE_ALREADY_RUNNING	recovery has begun, and the service runs
 *	ERROR_ALREADY_EXISTS	recovery has begun, and something stands where an old
 *				file belongs
 *	ERROR_INVALID_STATE	recovery has begun, and only root can go back; or another
 *				registration took the place of one whose recovery had
 *				begun, or was about to: the restore is given up as it is
 *				then, and only a new full one leads out
 */
BACKUPAPI_EXPORT int32_t backupapi_cancel_restore(const char *server);

/*
 * Where a restore tool may put the file that is to become the absolute PATH, so that
 * nothing can start on it before recovery renames it: a path in the same file system,
 * <directory>/.backupapi-restore/<name>. The tool creates the directory (mode 0700) and
 * syncs what it writes. From the moment that it prepared the restore it may stage, before
 * or after registering; what was staged earlier (by the file's ctime) is a leftover of
 * another restore, and is removed when a full set is registered for its place. Logs may be
 * staged in a directory below such a .backupapi-restore, registered as the backup log
 * path: it is removed with the rest, or once recovery has succeeded. backupapi_free(); NULL
 * on failure.
 */
BACKUPAPI_EXPORT char *backupapi_restore_staging_path(const char *path);

/*
 * The database format's own checks on the file PATH, which nothing must be writing.
 * ENGINE is an engine's name, or NULL to recognise the format by its magic number. S_OK:
 * checked and good. S_FALSE: the format has no checks of its own. hrDatabaseCorrupted:
 * damaged. ERROR_NOT_SUPPORTED: no such engine in this build.
 */
BACKUPAPI_EXPORT int32_t backupapi_verify_file(const char *engine, const char *path);

#ifdef __cplusplus
}
#endif

#endif
