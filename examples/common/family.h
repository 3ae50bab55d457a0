/*
 * family.h - what a program of one family (CertSrv, Ds) brings with it
 *
 * Everything else in examples/common is the same for all: a program is this table and a
 * main() that hands it to program_main(). Each function is one call of the family's
 * interface, and returns what that returned.
 */
#ifndef COMMON_FAMILY_H
#define COMMON_FAMILY_H

#include <stdbool.h>
#include <stddef.h>

#include <backupapi/backupapi.h>

/* Opaque bytes that belong to a backup and that its restore needs (Ds); size 0: none. */
struct token {
	void *data; /* malloc'd */
	size_t size;
};

/* Old and new full names of a database. */
struct map_entry {
	WCHAR *old_name, *new_name;
};

struct registration {
	const WCHAR *checkpoint_path, *log_path;
	struct map_entry *map; /* NULL: an incremental set */
	size_t map_count;
	const WCHAR *backup_log_path; /* NULL with 0, 0: no logs */
	uint32_t low, high;
};

struct family {
	const char *program; /* "certbackup" */
	const char *purpose; /* a line for --help */
	const char *name;    /* as in backup.ini */
	uint32_t bit;        /* BACKUPAPI_FAMILY_... */
	bool incremental;    /* are there incremental backups? */
	bool tokens;         /* does a restore need what came with the backup? */

	int32_t (*backup_prepare)(const WCHAR *server, bool incremental,
		struct token *token, void **session);
	int32_t (*get_databases)(void *session, WCHAR **list, uint32_t *size);
	int32_t (*get_logs)(void *session, WCHAR **list, uint32_t *size);
	/* NULL: the family has no function for these, and the library's own is asked. */
	int32_t (*get_dynamic)(void *session, WCHAR **list, uint32_t *size);
	int32_t (*open)(void *session, const WCHAR *name, uint32_t hint, uint64_t *size);
	/* S_OK and 0 bytes at the end, whatever the family does there. */
	int32_t (*read)(void *session, void *buffer, uint32_t size, uint32_t *got);
	int32_t (*close)(void *session);
	int32_t (*truncate)(void *session);
	int32_t (*backup_end)(void *session);

	/* Where the server has its files; from a restore session. */
	int32_t (*get_locations)(void *session, WCHAR **list, uint32_t *size);
	void (*free_list)(void *list);

	int32_t (*restore_prepare)(
		const WCHAR *server, const struct token *token, void **session);
	int32_t (*restore_register)(
		void *session, const struct registration *registration);
	int32_t (*restore_complete)(void *session, int32_t result);
	int32_t (*restore_end)(void *session);
};

/* File type tags, the same in both families. */
#define TAG_LOG        0x21
#define TAG_LOG_DIR    0x82
#define TAG_SYSTEM_DIR 0x83
#define TAG_DATABASE   0x44
#define TAG_PATCH      0x25

#endif
