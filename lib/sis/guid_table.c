/*
 * Entries stand densely in an array of 24 bytes each; a hash index of 32-bit numbers, at
 * most half full, finds them: small, so that it stays in the processor's cache. GUIDs
 * come out of files that anybody may have written, so the hash is seeded: nobody can
 * choose GUIDs that meet.
 */
#include "sis/guid_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_BITS 8

struct guid_entry {
	uint64_t guid[2];
	void *pointer;
};

/* High and low half of a 128-bit product, each depending on all bits of both factors. */
#if defined(__SIZEOF_INT128__) && !defined(GUID_TABLE_PORTABLE)
static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ const unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#else
static uint64_t mix(uint64_t a, uint64_t b)
{
	const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	const uint64_t low = a0 * b0, cross = a1 * b0 + (low >> 32);
	const uint64_t middle = a0 * b1 + (uint32_t)cross;

	return (a * b) ^ (a1 * b1 + (cross >> 32) + (middle >> 32));
}
#endif

/* The slot of GUID, or the free one where it would be. */
static inline uint32_t *slot_of(const struct guid_table *table, const uint64_t guid[2])
{
	const size_t mask = ((size_t)1 << table->bits) - 1;
	const uint64_t hash = mix(guid[0] ^ table->seed[0], guid[1] ^ table->seed[1]);

	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		const uint32_t number = table->slots[i];
		const struct guid_entry *entry = table->entries + number - 1;

		if (number == 0 ||
			(entry->guid[0] == guid[0] && entry->guid[1] == guid[1]))
			return &table->slots[i];
	}
}

void **guid_table_find(const struct guid_table *table, const uuid_t guid)
{
	uint64_t key[2];
	uint32_t number;

	if (!table->slots)
		return NULL;
	memcpy(key, guid, sizeof(key));
	number = *slot_of(table, key);
	return number ? &table->entries[number - 1].pointer : NULL;
}

/* ---- growing ---- */

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

static status grow_index(struct guid_table *table)
{
	struct guid_table larger = *table;
	status rc = table->slots ? STATUS_OK : draw_seed(larger.seed);

	if (failed(rc))
		return rc;
	larger.bits = table->slots ? table->bits + 1 : FIRST_BITS;
	larger.slots = calloc((size_t)1 << larger.bits, sizeof(*larger.slots));
	if (!larger.slots)
		return status_no_memory();
	for (size_t i = 0; i < table->count; i++)
		*slot_of(&larger, table->entries[i].guid) = (uint32_t)i + 1;
	free(table->slots);
	*table = larger;
	return STATUS_OK;
}

static status grow_entries(struct guid_table *table)
{
	size_t capacity = table->capacity ? table->capacity + table->capacity / 2 : 128;
	struct guid_entry *entries;

	if (table->count >= UINT32_MAX - 1)
		return status_no_memory();
	entries = reallocarray(table->entries, capacity, sizeof(*entries));
	if (!entries)
		return status_no_memory();
	table->entries = entries;
	table->capacity = capacity;
	return STATUS_OK;
}

status guid_table_add(struct guid_table *table, const uuid_t guid, void *pointer)
{
	struct guid_entry entry = {.pointer = pointer};
	status rc = STATUS_OK;

	if (table->count == table->capacity)
		rc = grow_entries(table);
	if (!failed(rc) &&
		(!table->slots || table->count >= ((size_t)1 << table->bits) / 2))
		rc = grow_index(table);
	if (failed(rc))
		return rc;
	memcpy(entry.guid, guid, sizeof(entry.guid));
	*slot_of(table, entry.guid) = (uint32_t)table->count + 1;
	table->entries[table->count++] = entry;
	return STATUS_OK;
}

/* Nothing was pushed beyond the slot of the last one since it came. */
void guid_table_remove_last(struct guid_table *table)
{
	*slot_of(table, table->entries[table->count - 1].guid) = 0;
	table->count--;
}

void *guid_table_next(const struct guid_table *table, size_t *i)
{
	return *i < table->count ? table->entries[(*i)++].pointer : NULL;
}

void guid_table_free(struct guid_table *table)
{
	free(table->entries);
	free(table->slots);
	*table = (struct guid_table){0};
}
