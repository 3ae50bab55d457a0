/*
 * bcli.h - what the functions of certbcli.h and ntdsbcli.h share
 *
 * Both families have the same sessions behind them; what they do differently stands in
 * one table. A text comes as the caller gave it (argument.h) and is UTF-8 from there on.
 */
#ifndef API_BCLI_H
#define API_BCLI_H

#include <backupapi/types.h>

#include "api/argument.h"
#include "api/list.h"
#include "base/alloc.h"
#include "base/handle.h"
#include "session/backup.h"
#include "session/restore.h"

struct bcli_size {
	DWORD least, unit; /* at least LEAST, and a multiple of UNIT */
};

struct bcli {
	unsigned family; /* of enum server_family */
	enum alloc_family blocks;
	enum handle_kind backup, restore;
	status bad_handle;
	struct bcli_size hint, read;
	bool tells_end;   /* reading past the end is ERROR_HANDLE_EOF, not 0 bytes */
	bool needs_paths; /* all three of them, when a restore is registered */
};

extern const struct bcli bcli_certsrv, bcli_ds;

/* What a backup's handle stands for. */
struct bcli_backup {
	struct backup *session;
	bool end_told; /* of the open file, once already */
};

/* ---- backup (bcli.c) ---- */

/* Takes SERVER over (also when it fails). */
status bcli_begin(const struct bcli *f, struct server *server, enum backup_type type,
	struct bcli_backup **backup);

/* Ends the backup whatever happens; see backup_end. */
status bcli_end(struct bcli_backup *backup, bool record);

/* ---- whole public calls, from status_begin to status_publish ---- */

HRESULT bcli_end_handle(const struct bcli *f, void *handle);
HRESULT bcli_open(const struct bcli *f, const char *function, void *handle,
	struct given name, DWORD hint, LARGE_INTEGER *size);
HRESULT bcli_read(const struct bcli *f, const char *function, void *handle, void *buffer,
	DWORD size, DWORD *got);

/* One that takes nothing but the handle of a backup. */
HRESULT bcli_plain(const struct bcli *f, void *handle, status (*call)(struct backup *));

/* ---- lists (bcli_list.c) ---- */

/* Adds to LIST what the call gives; OBJECT is what a handle of kind KIND stands for. */
typedef status (*bcli_filler)(void *object, enum handle_kind kind, struct list *list);

status bcli_databases(void *object, enum handle_kind kind, struct list *list);
status bcli_logs(void *object, enum handle_kind kind, struct list *list);
status bcli_dynamic(void *object, enum handle_kind kind, struct list *list);
status bcli_locations(void *object, enum handle_kind kind, struct list *list);

struct bcli_list {
	const struct bcli *family;
	const char *function;
	unsigned kinds; /* of handles that the call takes, HANDLE_MASKs */
	bcli_filler fill;
};

/* BLOCK is the address of the caller's pointer to characters of FORM. */
HRESULT bcli_list(const struct bcli_list *call, void *handle, enum text_form form,
	void *block, DWORD *size);

/* ---- restore (bcli_restore.c) ---- */

/* Begins a restore and makes its handle; takes SERVER over (also when it fails). */
status bcli_restore_begin(
	const struct bcli *f, struct server *server, bool full_handle, void **handle);

HRESULT bcli_restore_end(const struct bcli *f, void *handle);
HRESULT bcli_restore_complete(const struct bcli *f, void *handle, HRESULT result);

/* Entry I of the caller's MAP. */
typedef void (*bcli_map_entry)(
	const void *map, size_t i, struct given *old_name, struct given *new_name);

struct bcli_registration {
	const char *function;
	struct given checkpoint_path, log_path, backup_log_path;
	const void *map;
	bcli_map_entry entry;
	LONG map_count;
	ULONG low, high;
	bool through_file;
};

HRESULT bcli_register(
	const struct bcli *f, void *handle, const struct bcli_registration *r);

/* ---- handles ---- */

/* handle_acquire, with the family's own code and an explanation where there is none. */
status bcli_acquire(const struct bcli *f, unsigned kinds, void *handle, void **object,
	enum handle_kind *kind);

/* The same failure by itself. */
status bcli_bad_handle(const struct bcli *f, unsigned kinds, void *handle);

#endif
