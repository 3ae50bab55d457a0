/*
 * log_sets.h - logs of text (log_engine_files.h) in directories of sets
 */
#ifndef TESTS_LOG_SETS_H
#define TESTS_LOG_SETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log_engine_files.h"
#include "support.h"

/* A log of SEQUENCE with LINES changes, "SEQUENCEn.1 SEQUENCEn.2 ..."; complete or not. */
static inline char *log_text(
	char sequence, unsigned generation, unsigned lines, bool complete)
{
	char *text = malloc(256 + 32 * (size_t)lines);
	int used;

	ck_assert_ptr_nonnull(text);
	used = sprintf(text, "log %c %u\n", sequence, generation);
	for (unsigned i = 1; i <= lines; i++)
		used += sprintf(text + used, "%c%u.%u\n", sequence, generation, i);
	if (complete)
		(void)strcpy(text + used, "end\n");
	return text;
}

static inline void write_log(const char *dir, const char *name, char *text)
{
	char *path = support_path(dir, name);

	support_write(path, text);
	free(path);
	free(text);
}

/* A complete log of 3 changes, under its own name. */
static inline void put_log(const char *dir, char sequence, unsigned generation)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "log.%u", generation);
	write_log(dir, name, log_text(sequence, generation, 3, true));
}

/* The first LINES changes of it, as a backup lists it. */
static inline void put_part(
	const char *dir, char sequence, unsigned generation, unsigned lines)
{
	char *text = log_text(sequence, generation, lines, false);
	char name[64];

	(void)snprintf(name, sizeof(name), "log.%u.part-%zu", generation, strlen(text));
	write_log(dir, name, text);
}

/* The same under its own name, as the newest one lies in a log directory. */
static inline void put_unfinished(
	const char *dir, char sequence, unsigned generation, unsigned lines)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "log.%u", generation);
	write_log(dir, name, log_text(sequence, generation, lines, false));
}

static inline char *make_set(const char *parent, const char *name)
{
	char *dir = support_path(parent, name);

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	return dir;
}

#endif
