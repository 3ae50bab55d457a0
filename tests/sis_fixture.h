/*
 * sis_fixture.h - volumes of every kind for the tests of lib/sis, and links on them
 *
 * Root gets file systems of its own, on loop devices in a private mount namespace: they
 * are gone with the process that made them, however it ends.
 */
#ifndef TESTS_SIS_FIXTURE_H
#define TESTS_SIS_FIXTURE_H

#include <stdint.h>

#include "sis/store.h"

enum volume_type { ON_TMP, ON_TMPFS, ON_EXT4, ON_XFS, ON_BTRFS, ON_NTFS, VOLUME_TYPES };

/* Tests free little, since they end with their process; what was kept is no leak to a
 * checker. Everything that these functions give was. */
void *sis_keep(void *block);

/* "DIR/NAME". */
char *sis_path(const char *dir, const char *name);

/* For what this machine or user cannot have: a note, or, with BACKUPAPI_TEST_NO_SKIP=1 in
 * the environment, a failure. */
void sis_skipped(const char *what);
bool sis_may_skip(void);

/* Makes one of each; an unchecked fixture. */
void sis_volumes_make(void);

/* A fresh directory on a file system of TYPE; the whole path. NULL, with a note,
 * where this machine or user cannot have one. */
char *sis_volume(enum volume_type type);
bool sis_shares_extents(enum volume_type type);

/* SIZE bytes that depend on SEED. */
char *sis_content(size_t size, unsigned seed);

void sis_put(const char *path, const void *data, size_t size);
char *sis_get(const char *path, size_t *size);

/* The store file for GUID (text) under ROOT, in a store that is made where missing. */
void sis_put_store_file(
	const char *root, const char *guid, const void *data, size_t size);

/* The 72 bytes of a link to GUID, with the mark. */
void sis_reparse(const char *guid, uint64_t index, const void *content, size_t size,
	uint8_t reparse[72]);

/* A sparse file of SIZE with the reparse point. */
void sis_put_bare(const char *path, const uint8_t reparse[72], size_t size);

#define SIS_GUID_A "0b0e4922-6d34-11ea-9b83-00505688148e"
#define SIS_GUID_B "48dea770-1cda-11db-8780-000a5e029b89"

/* The 72 bytes of a link that Windows made to SIS_GUID_A. */
extern const uint8_t sis_real_link[72];

#endif
