#include "sis/inode_set.h"

#include <stdlib.h>

#define FIRST_CAPACITY 64

/* No file has inode 0. CAPACITY is a power of two with a free slot. */
static uint64_t *find_slot(uint64_t *slots, size_t capacity, uint64_t inode)
{
	uint64_t mixed = inode * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(mixed >> 16) & (capacity - 1);

	while (slots[i] && slots[i] != inode)
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

static status grow(struct inode_set *set)
{
	size_t capacity = set->capacity ? 2 * set->capacity : FIRST_CAPACITY;
	uint64_t *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return status_no_memory();
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slots[i])
			*find_slot(slots, capacity, set->slots[i]) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	return STATUS_OK;
}

status inode_set_add(struct inode_set *set, uint64_t inode, bool *new_one)
{
	uint64_t *slot;

	*new_one = false;
	if (set->count >= set->capacity / 2) {
		status rc = grow(set);

		if (failed(rc))
			return rc;
	}
	slot = find_slot(set->slots, set->capacity, inode);
	*new_one = !*slot;
	set->count += !*slot;
	*slot = inode;
	return STATUS_OK;
}

void inode_set_free(struct inode_set *set)
{
	free(set->slots);
	*set = (struct inode_set){0};
}
