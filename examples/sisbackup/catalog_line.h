/*
 * catalog_line.h - one line of a catalog, for catalog.c
 */
#ifndef SISBACKUP_CATALOG_LINE_H
#define SISBACKUP_CATALOG_LINE_H

#include "sisbackup/catalog.h"

#define CATALOG_HEADER "# backupapi volume manifest 1"

void catalog_write_line(const struct entry *entry, FILE *file);

/* NULL, or what is wrong with LINE, which is changed. What it names stays inside of a
 * volume: no "..", nothing absolute, nothing in the common store but store files. */
const char *catalog_parse_line(struct catalog *catalog, char *line);

bool entry_kind_parse(const char *name, enum entry_kind *kind);

#endif
