/*
 * backup.h - a backup pass over a volume
 */
#ifndef SIS_BACKUP_H
#define SIS_BACKUP_H

#include "base/names.h"
#include "sis/store.h"

struct sis_backup;

/* Pins the store. FILES (empty on entry): full paths of the internal files to save with
 * the volume. ERROR_PATH_NOT_FOUND: no common store. */
status sis_backup_begin(
	const char *root, struct sis_backup **backup, struct names *files);

/* "<volume>/SIS Common Store"; valid until the end. */
const char *sis_backup_store_path(const struct sis_backup *backup);

const struct store *sis_backup_store(const struct sis_backup *backup);

/* The first link to a store file: *MATCHING NULL and *PATH its full path (a new string);
 * later ones: *PATH NULL and *MATCHING the context that came with the first. */
status sis_backup_link(struct sis_backup *backup, const void *buffer, size_t size,
	void *context, void **matching, char **path);

/* Takes back that the last store file was named: its name did not reach the caller. */
void sis_backup_forget(struct sis_backup *backup);

void sis_backup_end(struct sis_backup *backup);

#endif
