/*
 * pass.h - the Sis functions, with paths as bytes
 *
 * All that is particular to single-instance volumes goes through here.
 */
#ifndef SISBACKUP_PASS_H
#define SISBACKUP_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"

#define STORE_DIRECTORY "SIS Common Store"
#define REPARSE_LIMIT   16392u /* bytes of the largest reparse buffer */

struct pass;

/* A backup pass over the volume ROOT (absolute). FILES receives the names, in the common
 * store, of the internal files to save. *PASS is NULL with true where the volume has no
 * common store; false: reported. */
bool pass_begin_backup(const char *root, struct pass **pass, struct strings *files);

/* The reparse buffer of what FD is open on, by O_PATH: *IS_LINK tells whether it is a link
 * of this volume, *SIZE how much of BUFFER is used. PATH is for messages. */
bool pass_reparse_point(struct pass *pass, int fd, const char *path,
	unsigned char buffer[REPARSE_LIMIT], uint32_t *size, bool *is_link);

/* Tells which store file to save for a link: *STORE_FILE is its name in the store, a new
 * string, for the first link, and CONTEXT is kept; for later ones it is NULL, and *FIRST is
 * the context that came with the first. */
bool pass_link_to_save(struct pass *pass, const char *path, const void *reparse,
	size_t size, void *context, void **first, char **store_file);

/* A restore pass. FILES as above. */
bool pass_begin_restore(const char *root, struct pass **pass, struct strings *files);
bool pass_set_bare(struct pass *pass);

/* The link that FD is open on, by O_PATH, was restored as PATH (absolute). *STORE_FILE: to
 * be restored; NULL: none. */
bool pass_restored_link(struct pass *pass, int fd, const char *path, const void *reparse,
	size_t size, char **store_file);

/* NAME is that of a file in the common store. */
bool pass_restored_store_file(struct pass *pass, const char *name);

/* Ends either. NULL is fine. False: reported; it is gone all the same. */
bool pass_end(struct pass *pass);

#endif
