/*
 * set_reader.h - a backup set as found on a disk, which is not to be trusted
 */
#ifndef COMMON_SET_READER_H
#define COMMON_SET_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/family.h"
#include "common/manifest.h"
#include "common/setinfo.h"
#include "common/sums.h"
#include "common/tree.h"

struct set {
	char *dir; /* as given, for messages */
	int fd;
	struct tree tree;
	struct setinfo info;
	struct manifest manifest;
	struct sums sums;
	struct token token;
};

/* Reads what describes the set DIR. False: reported; set_close is needed either way. */
bool set_open(struct set *set, const char *dir);
void set_close(struct set *set);

/* Every byte against SHA256SUMS, and that all is there and nothing else. All that is
 * wrong is reported; false where something was, or a signal was caught. */
bool set_verify(struct set *set, struct digest *digest);

/* The database format's own checks on each database. False: reported. */
bool set_verify_databases(struct set *set);

/* The files that were backed up. */
uint64_t set_files(const struct set *set);
uint64_t set_bytes(const struct set *set);

/* Opens the saved file of ITEM; -1: reported. */
int set_open_item(struct set *set, const struct item *item);

/* Its checksum, as noted in the set. */
const char *set_item_sum(const struct set *set, const struct item *item);

/* Reads FD to its end through DIGEST, and each chunk to SINK (NULL: nowhere). False:
 * reported, or a signal was caught. */
typedef bool (*set_sink)(void *context, const void *data, size_t size);
bool set_read_file(int fd, const char *label, struct digest *digest, set_sink sink,
	void *context, uint64_t *size, char hex[DIGEST_SIZE]);

#endif
