/*
 * catalog.h - what is on a volume: its MANIFEST
 *
 * One line each, fields between tabs, escaped (str_escape): kind, path relative to the
 * volume ("." is its root; for store files the name in the common store), size, the
 * fields of meta (fields.h), target, data, extended attributes (xattrs.h). Target: what a
 * symbolic link says, the other name of a hard link, "MAJOR:MINOR" of a device, a link's
 * store file. Data: the reparse buffer of a link in hexadecimal; OFFSET+LENGTH,... of a
 * sparse file, whose saved bytes are those ranges one after the other.
 */
#ifndef SISBACKUP_CATALOG_H
#define SISBACKUP_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <backupapi/sis.h>

#include "common/meta.h"
#include "common/xattrs.h"

enum entry_kind {
	ENTRY_DIRECTORY,
	ENTRY_FILE,
	ENTRY_LINK,
	ENTRY_SYMLINK,
	ENTRY_HARDLINK,
	ENTRY_FIFO,
	ENTRY_SOCKET,
	ENTRY_CHAR,
	ENTRY_BLOCK,
	ENTRY_STORE, /* a file of the common store */
};

struct ranges {
	struct backupapi_range *items;
	uint32_t count;
};

struct entry {
	enum entry_kind kind;
	char *path;
	uint64_t size;
	struct meta meta;
	struct xattrs xattrs;
	char *target; /* or NULL */

	bool sparse; /* ranges says where its data is */
	struct ranges ranges;
	unsigned char *reparse;
	size_t reparse_size;

	bool checksum_known; /* while a set is verified */
	uint64_t checksum;   /* of a store file's content, when that was read */

	/* While a volume is saved: the file as it was seen, and what is known of the store
	 * file that it is, or was a link to. */
	struct stat st;
	struct store_name *store;
	bool copied, failed;
};

/* All zero is the empty catalog. */
struct catalog {
	struct entry *items;
	size_t count, capacity;
};

/* A zeroed entry; PATH becomes its own. Valid until the next is added. */
struct entry *catalog_add(struct catalog *catalog, enum entry_kind kind, char *path);

/* By path, directories ahead of what is in them, store files last. */
void catalog_sort(struct catalog *catalog);

/* In a sorted catalog: the entry of a path, or of a store file's name; NULL: none. */
struct entry *catalog_find(const struct catalog *catalog, const char *path);
struct entry *catalog_find_store(const struct catalog *catalog, const char *name);

/* Whether writing worked is for the caller to see in FILE. */
void catalog_write(const struct catalog *catalog, FILE *file);

/* TEXT is changed. False: reported with the line, LABEL names the file. */
bool catalog_parse(struct catalog *catalog, char *text, const char *label);

void catalog_drop_last(struct catalog *catalog);
void catalog_drop_failed(struct catalog *catalog);
void catalog_free(struct catalog *catalog);
void entry_clear(struct entry *entry); /* but for its path and st */

const char *entry_kind_name(enum entry_kind kind);

/* Has it a file of its own in the set: "files/home/x"? A new string, or NULL. */
char *entry_location(const struct entry *entry);

/* How many bytes that file has. */
uint64_t entry_stored_size(const struct entry *entry);

/* The numbers in a device's target. */
bool entry_device(const struct entry *entry, dev_t *device);

#endif
