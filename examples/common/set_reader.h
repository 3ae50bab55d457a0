/*
 * set_reader.h - a server's backup set (set_dir.h)
 */
#ifndef COMMON_SET_READER_H
#define COMMON_SET_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/family.h"
#include "common/manifest.h"
#include "common/set_dir.h"
#include "common/setinfo.h"

struct set {
	struct set_dir files;
	struct setinfo info;
	struct manifest manifest;
	struct token token;
};

/* Reads what describes the set DIR. False: reported; set_close is needed either way. */
bool set_open(struct set *set, const char *dir);
void set_close(struct set *set);

/* Every byte against SHA256SUMS, and that all is there and nothing else. All that is
 * wrong is reported; false where something was, or a signal was caught. */
bool set_verify(struct set *set, struct digest *digest);

/* The database format's own checks on each database and log, where they can be checked one
 * by one. False: reported. */
bool set_verify_databases(struct set *set);

/* The files that were backed up. */
uint64_t set_files(const struct set *set);
uint64_t set_bytes(const struct set *set);

/* Opens the saved file of ITEM; -1: reported. */
int set_open_item(struct set *set, const struct item *item);

/* Its checksum, as noted in the set. */
const char *set_item_sum(const struct set *set, const struct item *item);

#endif
