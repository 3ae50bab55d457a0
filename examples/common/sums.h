/*
 * sums.h - SHA256SUMS, exactly as sha256sum writes and checks it
 *
 * Read strictly: sorted, lower-case digits, escapes only where they are needed. So a
 * changed byte anywhere in it is found.
 */
#ifndef COMMON_SUMS_H
#define COMMON_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/digest.h"

struct sum {
	char *path; /* relative to the set */
	char hex[DIGEST_SIZE];
	uint64_t size; /* not in the file: noted by who reads the set */
};

/* All zero is the empty list. */
struct sums {
	struct sum *items;
	size_t count, capacity;
};

void sums_take(struct sums *sums, char *path, const char hex[DIGEST_SIZE]);
void sums_sort(struct sums *sums);

/* In a sorted list: the one for PATH, or NULL; is one below the directory PREFIX (with a
 * slash at its end)? */
struct sum *sums_find(const struct sums *sums, const char *path);
bool sums_any_below(const struct sums *sums, const char *prefix);

/* Whether writing worked is for the caller to see in FILE. */
void sums_write(const struct sums *sums, FILE *file);

/* TEXT is changed. False: reported, LABEL names the file. */
bool sums_parse(struct sums *sums, char *text, const char *label);

void sums_free(struct sums *sums);

#endif
