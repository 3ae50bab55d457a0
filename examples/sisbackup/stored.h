/*
 * stored.h - the content of a common-store file, while it is read
 */
#ifndef SISBACKUP_STORED_H
#define SISBACKUP_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sis/content_checksum.h"
#include "sis/sum_record.h"

/* All zero is the beginning. */
struct stored {
	struct content_checksum checksum;
	uint64_t position;
};

/* What is at OFFSET; between that and what came before it there is a hole. */
void stored_add(struct stored *stored, uint64_t offset, const void *data, size_t size);

/* The checksum of its SIZE bytes. */
uint64_t stored_end(struct stored *stored, uint64_t size);

/* What the library recorded for the store file NAME in the directory DIRFD. False: nothing
 * that can be used. */
bool stored_recorded(int dirfd, const char *name, struct store_sum *sum);

#endif
