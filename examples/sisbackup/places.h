/*
 * places.h - where the saved bytes of a file belong in it
 */
#ifndef SISBACKUP_PLACES_H
#define SISBACKUP_PLACES_H

#include "sisbackup/catalog.h"

struct places {
	const struct ranges *ranges; /* NULL: one after the other */
	uint32_t range;
	uint64_t done; /* of the range, or of the file */
};

struct places places_of(const struct entry *entry);

/* How many of the next SIZE bytes go to *OFFSET; 0: there is no place left. */
size_t places_next(struct places *places, size_t size, uint64_t *offset);

/* COUNT of them went there. */
void places_pass(struct places *places, size_t count);

#endif
