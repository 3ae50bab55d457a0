/*
 * setinfo.h - backup.ini: what a set is a backup of
 */
#ifndef COMMON_SETINFO_H
#define COMMON_SETINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/mem.h"

struct setinfo {
	char *server;
	char *family; /* "certsrv" or "ds" */
	char *engine;
	char *kind; /* "full" or "incremental" */
	char *host;
	char *library;
	int64_t started,
		finished; /* seconds since 1970: the state is of a moment between */

	/* Where the server had its files, as it listed them. */
	struct strings databases;
	char *log_dir, *system_dir;

	uint32_t log_low, log_high; /* generations in the set; 0, 0: none */

	/* A name for this set alone; and for an incremental one when the full backup was
	 * taken that it needs, which tells that one by its started and finished. */
	char *id;
	int64_t base_time;
};

bool setinfo_is_full(const struct setinfo *info);

/* A fresh id. */
void setinfo_make_id(struct setinfo *info);

/* Whether writing worked is for the caller to see in FILE. */
void setinfo_write(const struct setinfo *info, FILE *file);

/* TEXT (SIZE bytes, a NUL behind them) is changed. False: reported. */
bool setinfo_parse(struct setinfo *info, char *text, size_t size, const char *label);

void setinfo_free(struct setinfo *info);

#endif
