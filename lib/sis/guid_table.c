/*
 * Open addressing, at most three quarters full, 32 bytes a slot. GUIDs come out of files
 * that anybody may have written, so the hash is seeded: nobody can choose GUIDs that meet.
 */
#include "sis/guid_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_BITS 8

struct guid_slot {
	uint64_t guid[2];
	void *pointer;
	bool used;
};

/* High and low half of a 128-bit product, each depending on all bits of both factors. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ const unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t home(const struct guid_table *table, const uint64_t guid[2])
{
	const uint64_t hash = mix(guid[0] ^ table->seed[0], guid[1] ^ table->seed[1]);

	return (size_t)(hash >> (64 - table->bits));
}

/* The slot of GUID, or the free one where it would be. */
static inline struct guid_slot *slot_of(
	const struct guid_table *table, const uint64_t guid[2])
{
	const size_t mask = ((size_t)1 << table->bits) - 1;
	size_t i = home(table, guid);

	while (table->slots[i].used && (table->slots[i].guid[0] != guid[0] ||
					       table->slots[i].guid[1] != guid[1]))
		i = (i + 1) & mask;
	return &table->slots[i];
}

void **guid_table_find(const struct guid_table *table, const uuid_t guid)
{
	struct guid_slot *slot;
	uint64_t key[2];

	if (!table->slots)
		return NULL;
	memcpy(key, guid, sizeof(key));
	slot = slot_of(table, key);
	return slot->used ? &slot->pointer : NULL;
}

static status draw_seed(uint64_t seed[2])
{
	ssize_t got;

	do
		got = getrandom(seed, 2 * sizeof(seed[0]), 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)(2 * sizeof(seed[0])))
		return status_errno(got < 0 ? errno : EIO, "random numbers");
	return STATUS_OK;
}

static status grow(struct guid_table *table)
{
	struct guid_table larger = *table;
	status rc = table->slots ? STATUS_OK : draw_seed(larger.seed);

	if (failed(rc))
		return rc;
	larger.bits = table->slots ? table->bits + 1 : FIRST_BITS;
	larger.slots = calloc((size_t)1 << larger.bits, sizeof(*larger.slots));
	if (!larger.slots)
		return status_no_memory();
	for (size_t i = 0; table->slots && i < (size_t)1 << table->bits; i++)
		if (table->slots[i].used)
			*slot_of(&larger, table->slots[i].guid) = table->slots[i];
	free(table->slots);
	*table = larger;
	return STATUS_OK;
}

status guid_table_add(struct guid_table *table, const uuid_t guid, void *pointer)
{
	struct guid_slot slot = {.pointer = pointer, .used = true};

	if (!table->slots || table->count >= ((size_t)3 << table->bits) / 4) {
		status rc = grow(table);

		if (failed(rc))
			return rc;
	}
	memcpy(slot.guid, guid, sizeof(slot.guid));
	*slot_of(table, slot.guid) = slot;
	table->count++;
	return STATUS_OK;
}

/* Those behind the gap that were pushed there move up, until a free slot ends the run. */
static void close_gap(struct guid_table *table, size_t gap)
{
	const size_t mask = ((size_t)1 << table->bits) - 1;

	for (size_t i = (gap + 1) & mask; table->slots[i].used; i = (i + 1) & mask) {
		const size_t from = home(table, table->slots[i].guid);

		if (((i - from) & mask) < ((i - gap) & mask))
			continue;
		table->slots[gap] = table->slots[i];
		gap = i;
	}
	table->slots[gap] = (struct guid_slot){0};
}

void guid_table_remove(struct guid_table *table, const uuid_t guid)
{
	struct guid_slot *slot;
	uint64_t key[2];

	if (!table->slots)
		return;
	memcpy(key, guid, sizeof(key));
	slot = slot_of(table, key);
	if (!slot->used)
		return;
	table->count--;
	close_gap(table, (size_t)(slot - table->slots));
}

void *guid_table_next(const struct guid_table *table, size_t *i)
{
	while (table->slots && *i < (size_t)1 << table->bits) {
		const struct guid_slot *slot = &table->slots[(*i)++];

		if (slot->used)
			return slot->pointer;
	}
	return NULL;
}

void guid_table_free(struct guid_table *table)
{
	free(table->slots);
	*table = (struct guid_table){0};
}
