/*
 * volinfo.h - backup.ini: what volume a set is a backup of
 */
#ifndef SISBACKUP_VOLINFO_H
#define SISBACKUP_VOLINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct volinfo {
	char *volume;
	char *filesystem;
	char *host;
	char *library;
	int64_t started, finished; /* seconds since 1970 */
	uint32_t skipped; /* files that could not be read, or changed meanwhile */
};

/* Whether writing worked is for the caller to see in FILE. */
void volinfo_write(const struct volinfo *info, FILE *file);

/* TEXT (SIZE bytes, a NUL behind them) is changed. False: reported. */
bool volinfo_parse(struct volinfo *info, char *text, size_t size, const char *label);

void volinfo_free(struct volinfo *info);

#endif
