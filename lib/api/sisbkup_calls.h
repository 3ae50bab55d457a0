/*
 * sisbkup_calls.h - the Sis functions with text, for both widths of WCHAR
 *
 * Whole public calls, from status_begin to status_publish_win32; FUNCTION is the public
 * name.
 */
#ifndef API_SISBKUP_CALLS_H
#define API_SISBKUP_CALLS_H

#include <sisbkup.h>

#include "api/argument.h"

/* Where a function puts the names of files: the address of the caller's PWCHAR *. */
struct sisbkup_files {
	enum text_form form;
	PULONG count;
	void *array;
};

/* Where a Create function puts its results. */
struct sisbkup_results {
	PVOID *structure;
	void *store; /* the address of the caller's PWCHAR */
	struct sisbkup_files files;
};

BOOL sisbkup_create_backup(
	const char *function, struct given root, const struct sisbkup_results *out);
BOOL sisbkup_create_restore(
	const char *function, struct given root, const struct sisbkup_results *out);

/* A link's whole reparse buffer. */
struct sisbkup_reparse {
	const void *data;
	ULONG size;
};

BOOL sisbkup_backup_link(const char *function, PVOID structure,
	struct sisbkup_reparse reparse, PVOID context, PVOID *matching,
	const struct sisbkup_files *out);
BOOL sisbkup_restored_link(const char *function, PVOID structure, struct given name,
	struct sisbkup_reparse reparse, const struct sisbkup_files *out);
BOOL sisbkup_restored_store_file(
	const char *function, PVOID structure, struct given name);

#endif
