/*
 * guid_table.h - a hash table from GUIDs to pointers
 */
#ifndef SIS_GUID_TABLE_H
#define SIS_GUID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <uuid/uuid.h>

#include "base/status.h"

/* All zero is the empty table. */
struct guid_table {
	struct guid_entry *entries; /* in the order of their addition */
	uint32_t *slots;            /* the number of an entry + 1, or 0 */
	size_t count, capacity;
	unsigned bits; /* 2^bits slots */
	uint64_t seed[2];
};

/* Where the pointer of GUID is, until the next addition; NULL where GUID is not known. */
void **guid_table_find(const struct guid_table *table, const uuid_t guid);

/* GUID must not be in it yet. */
status guid_table_add(struct guid_table *table, const uuid_t guid, void *pointer);

/* Takes out the GUID that was added last. */
void guid_table_remove_last(struct guid_table *table);

/* The pointers, one after the other, as they were added: *I begins with 0. NULL at the
 * end, or for one that is NULL. */
void *guid_table_next(const struct guid_table *table, size_t *i);

void guid_table_free(struct guid_table *table);

#endif
