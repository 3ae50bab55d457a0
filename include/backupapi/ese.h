/*
 * backupapi/ese.h - the files of ESE (JET Blue) stores: Active Directory, AD CS and others
 *
 * Looks at one file, a database, a transaction log or a checkpoint, as Windows left it: what
 * it says about itself, and whether every page or segment of it is as it was written. Files
 * are only read, and nothing must be writing them. Paths are UTF-8, or whatever bytes the
 * file system holds. Errors are HRESULT codes as int32_t; every failing call sets the
 * thread's last error and backupapi_error_detail(). Any thread may call any function.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_ESE_H
#define BACKUPAPI_ESE_H

#include <backupapi/backupapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The engine's own codes for what has no name in ntdsbmsg.h:
 *	WRONG_GENERATION	a log's name and its header differ (-513)
 *	WRONG_LOG_SIZE		a log is not as long as its header says (-541)
 *	NO_CHECKPOINT		the checkpoint file is missing (-542)
 *	LOG_SUM_DIFFERS		the log before this one was another (-590)
 *	WRONG_PAGE		an undamaged page of another place (-1118)
 *	BAD_VERSION		a database of an unknown version (-1209)
 *	WRONG_PAGE_SIZE		a header contradicts its own page size (-1213)
 */
#define BACKUPAPI_ESE_WRONG_GENERATION ((int32_t)0xC8000201)
#define BACKUPAPI_ESE_WRONG_LOG_SIZE   ((int32_t)0xC800021D)
#define BACKUPAPI_ESE_NO_CHECKPOINT    ((int32_t)0xC800021E)
#define BACKUPAPI_ESE_LOG_SUM_DIFFERS  ((int32_t)0xC800024E)
#define BACKUPAPI_ESE_WRONG_PAGE       ((int32_t)0xC800045E)
#define BACKUPAPI_ESE_BAD_VERSION      ((int32_t)0xC80004B9)
#define BACKUPAPI_ESE_WRONG_PAGE_SIZE  ((int32_t)0xC80004BD)

/* ---- what happens meanwhile ---- */

#define BACKUPAPI_ESE_PROGRESS 1u /* done_bytes moved on */
#define BACKUPAPI_ESE_DAMAGE   2u /* something is wrong: code, reason */
#define BACKUPAPI_ESE_NOTE     3u /* no damage, but worth knowing: reason */

struct backupapi_ese_event {
	uint32_t kind;    /* BACKUPAPI_ESE_PROGRESS, ... */
	int32_t code;     /* damage: hrReadVerifyFailure, BACKUPAPI_ESE_WRONG_PAGE, ... */
	const char *path; /* as given */
	const char *reason; /* one line that begins with the path; NULL for progress */
	/* Damage of a page of a database: its number, and where it is in the file (bytes).
	 * Damage of anything else: page 0, offset as far as it is known. */
	uint64_t page;
	uint64_t offset;
	uint64_t belongs; /* BACKUPAPI_ESE_WRONG_PAGE: the number it was written for */
	/* The number in the page (8 * byte + bit) of the one bit that is wrong; -1 where it
	 * is not one alone. The library reports it and never repairs it. */
	int32_t bit;
	uint64_t done_bytes, total_bytes; /* of the file */
};

/* Called in the thread that called the function; what the event points to lives until it
 * returns. Nonzero ends the work, which then fails with ERROR_CANCELLED. */
typedef int (*backupapi_ese_callback)(
	void *context, const struct backupapi_ese_event *event);

/* ---- what is in a file ---- */

/* A moment as the file has it: seconds since 1970, 0: never. Not UTC: the local time of the
 * machine that wrote it, taken as if it were UTC. */
struct backupapi_ese_time {
	int64_t seconds;
	uint32_t utc; /* 1: UTC */
	uint32_t reserved;
};

/* A place in the logs; generation 0: none. */
struct backupapi_ese_position {
	uint32_t generation;
	uint16_t sector;
	uint16_t offset; /* bytes, in the sector */
};

/* What tells a database, or a sequence of logs, from all others. All zero: none. */
struct backupapi_ese_signature {
	uint32_t random;
	uint32_t reserved;
	struct backupapi_ese_time created;
	char computer[24]; /* its name, mostly empty */
};

/* One of the backups that a database remembers; position.generation 0: none. */
struct backupapi_ese_backup {
	struct backupapi_ese_position position;
	struct backupapi_ese_time time;
	uint32_t low, high; /* the logs that go with it: generations; high 0: open */
};

#define BACKUPAPI_ESE_STATE_CREATED        1u /* just created, or temporary */
#define BACKUPAPI_ESE_STATE_DIRTY          2u /* dirty shutdown: needs logs */
#define BACKUPAPI_ESE_STATE_CLEAN          3u /* clean shutdown: needs none */
#define BACKUPAPI_ESE_STATE_CONVERTING     4u
#define BACKUPAPI_ESE_STATE_FORCE_DETACHED 5u
#define BACKUPAPI_ESE_STATE_RESEEDED       6u /* incremental reseed */
#define BACKUPAPI_ESE_STATE_DIRTY_PATCHED  7u
#define BACKUPAPI_ESE_STATE_REVERTING      8u

struct backupapi_ese_database {
	uint32_t page_size; /* bytes */
	uint32_t version, revision;
	uint32_t state;                           /* BACKUPAPI_ESE_STATE_... */
	uint64_t transaction_time;                /* a counter of changes, no clock */
	struct backupapi_ese_signature signature; /* its own */
	struct backupapi_ese_signature
		log_signature; /* of its logs; none: never logged */
	struct backupapi_ese_position consistent, attached, detached;
	struct backupapi_ese_time consistent_time, attach_time, detach_time;
	/* Generations; 0: none. Without the logs low..high it cannot be recovered; without
	 * those up to committed, the last transactions are lost. */
	uint32_t required_low, required_high, committed;
	uint32_t os_major, os_minor, os_build, os_service_pack; /* that wrote it */
	uint32_t reserved;
	struct backupapi_ese_backup full_previous, incremental_previous, full_current;
	struct backupapi_ese_backup snapshot_current, copy_previous,
		differential_previous;
	/* Pages, the two of the header not counted: pages = good + unused + bad +
	 * unchecked. */
	uint64_t pages;
	uint64_t pages_good;
	uint64_t pages_unused; /* every byte is zero */
	uint64_t pages_bad;    /* damaged or misplaced */
	uint64_t
		pages_unchecked; /* of a database that has no checksums, or not asked for */
	uint64_t pages_legacy;   /* of the good ones: with the old kind of checksum */
	uint64_t pages_single_bit; /* of the bad ones: one bit alone is wrong */
};

#define BACKUPAPI_ESE_LOG_CIRCULAR     2u
#define BACKUPAPI_ESE_LOG_WAS_CIRCULAR 4u

struct backupapi_ese_log {
	uint32_t generation;
	uint32_t version_major, version_minor, version_update, version_update_minor;
	uint32_t sector_size;  /* bytes */
	uint32_t file_sectors; /* that the file should have */
	uint32_t page_size;    /* of the databases, bytes */
	uint32_t flags;        /* BACKUPAPI_ESE_LOG_... */
	uint32_t reserved;
	struct backupapi_ese_time created, previous_created;
	struct backupapi_ese_signature signature;
	/* Version 8: segments of 4096 bytes. Version 7: checksum records. Up to the first
	 * that is damaged. */
	uint64_t segments;
	uint64_t segments_unused; /* every byte is zero */
	uint64_t segments_shadow; /* older copies of the segment before */
	uint64_t records;
};

struct backupapi_ese_checkpoint {
	struct backupapi_ese_position checkpoint; /* recovery begins there */
	struct backupapi_ese_position full_backup_checkpoint;
	struct backupapi_ese_position full_backup, incremental_backup; /* the last ones */
	struct backupapi_ese_time full_backup_time, incremental_backup_time;
	struct backupapi_ese_signature log_signature;
};

#define BACKUPAPI_ESE_KIND_DATABASE   1u
#define BACKUPAPI_ESE_KIND_STREAMING  2u /* an obsolete streaming file: header only */
#define BACKUPAPI_ESE_KIND_LOG        3u
#define BACKUPAPI_ESE_KIND_CHECKPOINT 4u
#define BACKUPAPI_ESE_KIND_TEMPORARY  5u /* a temporary database: pages unchecked */
#define BACKUPAPI_ESE_KIND_FLUSH_MAP  7u /* recognised, not looked into */
/* By its name, a log being prepared or space put aside: holds nothing, not looked into. */
#define BACKUPAPI_ESE_KIND_SPARE_LOG 8u

/* Of `copies`: which of the two copies of a header are good. A log has one. */
#define BACKUPAPI_ESE_FIRST_COPY    1u
#define BACKUPAPI_ESE_SECOND_COPY   2u
#define BACKUPAPI_ESE_COPIES_DIFFER 4u

/* In one block: backupapi_free(). */
struct backupapi_ese_info {
	uint32_t size;   /* of this structure, in bytes: newer libraries append to it */
	uint32_t kind;   /* BACKUPAPI_ESE_KIND_... */
	int32_t damage;  /* the code of what is wrong first; 0: all is well */
	uint32_t copies; /* of BACKUPAPI_ESE_..._COPY; 0: the rest is not known */
	uint64_t file_size;
	uint64_t problems; /* how much is wrong: events of BACKUPAPI_ESE_DAMAGE */
	/* The one that kind tells; the others are zero. */
	struct backupapi_ese_database database;
	struct backupapi_ese_log log;
	struct backupapi_ese_checkpoint checkpoint;
};

/* The header alone: pages and the logs' bodies are not read. */
#define BACKUPAPI_ESE_HEADER_ONLY 1u

/*
 * Looks at the file PATH and verifies all of it that has checksums. Damage is no failure:
 * it is told to CALLBACK (which may be NULL), all of it, and the call succeeds with
 * info->damage set, to the code of the first one:
 *	hrReadVerifyFailure	database: a page's checksum is wrong
 *	BACKUPAPI_ESE_WRONG_PAGE	database: a good page, but of another place; or, where
 *				the reason says so, one whose checksum is damaged
 *	hrDatabaseCorrupted	database: neither copy of the header is good
 *	hrDatabaseInvalidPages	database: it ends within a page, or has none
 *	BACKUPAPI_ESE_WRONG_PAGE_SIZE, BACKUPAPI_ESE_BAD_VERSION	database
 *	hrLogFileCorrupt	log: a segment, a record or the header; what comes after it
 *				is not looked at
 *	hrBadLogVersion		log: neither of Windows 7 and older nor of newer ones
 *	BACKUPAPI_ESE_WRONG_LOG_SIZE, BACKUPAPI_ESE_WRONG_GENERATION	log
 *	hrCheckpointCorrupt	checkpoint: both copies
 * A damaged copy of a header beside a good one is damage too: hrDatabaseCorrupted,
 * hrCheckpointCorrupt. OPTIONS: 0 or BACKUPAPI_ESE_HEADER_ONLY. The call fails, with *INFO
 * NULL, where the file cannot be read, and with
 *	ERROR_INVALID_DATA	neither its content nor its name tells that it is such a file
 *	ERROR_CANCELLED		the callback asked for it
 *	ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY
 */
BACKUPAPI_EXPORT int32_t backupapi_ese_inspect(const char *path, uint32_t options,
	backupapi_ese_callback callback, void *context, struct backupapi_ese_info **info);

#ifdef __cplusplus
}
#endif

#endif
