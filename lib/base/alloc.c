/*
 * The side table has an entry for every address that can be the start of a block (a
 * multiple of GRAIN), in leaves of ENTRIES each, which are made when the first block
 * starts in them and stay: at most half the address range that blocks ever occupied.
 * An index of the leaves, by the part of the address that they have in common, finds
 * them.  As no leaf ever goes away, looking up needs no lock.
 *
 * An entry is one word, and the address of a new block belongs to the thread that got it
 * from malloc, so that entering a block is a plain store.  Of the threads that free it,
 * the one whose compare-and-exchange clears the entry wins; only then is the memory given
 * back, and only after that can the address belong to somebody again.  Free takes no
 * lock, allocates nothing, and cannot fail.
 *
 * Locks guard the making of leaves and the handler; they are held across fork, so that a
 * child finds a whole index and free locks.  Its copies of the blocks are as good as the
 * parent's.
 */
#include "base/alloc.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc_refused.h"

#define GRAIN   alignof(max_align_t)
#define ENTRIES ((uintptr_t)64) /* 8 to 32 were no faster (tests/bench/bench_alloc.c) */
#define SPAN    (GRAIN * ENTRIES)

struct leaf {
	uintptr_t number; /* of its addresses / SPAN */
	struct leaf *next;
	_Atomic uint64_t entries[ENTRIES];
};

/* Open addressing; the number is repeated here, so that a search touches no leaf but the
 * right one. A full index is replaced by a larger one, but never freed: readers may still
 * be in it. All of them together are smaller than twice the newest. */
struct index {
	struct index *former;
	unsigned bits; /* of the number of slots */
	struct slot {
		_Atomic(struct leaf *) leaf; /* NULL: the slot is free */
		uintptr_t number;            /* set ahead of the leaf */
	} slots[];
};

static _Atomic(struct index *) current_index;
static _Atomic(struct leaf *) leaves; /* all, the newest first */
static size_t leaf_count;
static pthread_mutex_t leaf_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- fork ---- */

static bool fork_is_safe;

static void lock_all(void)
{
	alloc_refused_lock();
	(void)pthread_mutex_lock(&leaf_lock);
}

static void unlock_all(void)
{
	(void)pthread_mutex_unlock(&leaf_lock);
	alloc_refused_unlock();
}

/* When the library is loaded rather than at first use: a fork in another thread during
 * the first use would register the handlers twice in the child. */
__attribute__((constructor)) static void prepare_for_fork(void)
{
	fork_is_safe = pthread_atfork(lock_all, unlock_all, unlock_all) == 0;
}

/* ---- entries: 0, or the size, whether it is a secret, and the family + 1 ---- */

#define FAMILY_BITS 3
#define FAMILY_MASK ((UINT64_C(1) << FAMILY_BITS) - 1)
#define SECRET_BIT  (UINT64_C(1) << FAMILY_BITS)
#define SIZE_SHIFT  (FAMILY_BITS + 1)

static uint64_t make_entry(enum alloc_family family, size_t size, bool secret)
{
	return (uint64_t)size << SIZE_SHIFT | (secret ? SECRET_BIT : 0) |
	       ((uint64_t)family + 1);
}

static bool is_family(uint64_t entry, enum alloc_family family)
{
	return (entry & FAMILY_MASK) == (uint64_t)family + 1;
}

/* ---- leaves ---- */

static size_t home_slot(const struct index *index, uintptr_t number)
{
	return (size_t)(((uint64_t)number * 0x9e3779b97f4a7c15u) >> (64 - index->bits));
}

static size_t next_slot(const struct index *index, size_t i)
{
	return (i + 1) & (((size_t)1 << index->bits) - 1);
}

static inline struct leaf *find_leaf(uintptr_t number)
{
	struct index *index = atomic_load_explicit(&current_index, memory_order_acquire);

	if (!index)
		return NULL;
	for (size_t i = home_slot(index, number);; i = next_slot(index, i)) {
		struct slot *slot = &index->slots[i];
		struct leaf *leaf =
			atomic_load_explicit(&slot->leaf, memory_order_acquire);

		if (!leaf || slot->number == number)
			return leaf;
	}
}

static void enter_leaf(struct index *index, struct leaf *leaf)
{
	size_t i = home_slot(index, leaf->number);

	while (atomic_load_explicit(&index->slots[i].leaf, memory_order_relaxed))
		i = next_slot(index, i);
	index->slots[i].number = leaf->number;
	atomic_store_explicit(&index->slots[i].leaf, leaf, memory_order_release);
}

/* An index with room for one more leaf, at most half full, so that probing stays short
 * and always ends. */
static struct index *roomy_index(void)
{
	struct index *index = atomic_load_explicit(&current_index, memory_order_relaxed);
	struct index *larger;
	unsigned bits = index ? index->bits + 1 : 8;

	if (index && leaf_count < ((size_t)1 << index->bits) / 2)
		return index;
	if (((size_t)1 << bits) > (SIZE_MAX - sizeof(*larger)) / sizeof(larger->slots[0]))
		return NULL;
	larger = calloc(
		1, sizeof(*larger) + ((size_t)1 << bits) * sizeof(larger->slots[0]));
	if (!larger)
		return NULL;
	larger->former = index;
	larger->bits = bits;
	for (struct leaf *leaf = leaves; leaf; leaf = leaf->next)
		enter_leaf(larger, leaf);
	atomic_store_explicit(&current_index, larger, memory_order_release);
	return larger;
}

static struct leaf *add_leaf(uintptr_t number)
{
	struct index *index = roomy_index();
	struct leaf *leaf = index ? calloc(1, sizeof(*leaf)) : NULL;

	if (!leaf)
		return NULL;
	leaf->number = number;
	leaf->next = leaves;
	atomic_store_explicit(&leaves, leaf, memory_order_release);
	leaf_count++;
	enter_leaf(index, leaf);
	return leaf;
}

/* Another thread may have made it meanwhile. */
__attribute__((cold)) static struct leaf *make_leaf(uintptr_t number)
{
	struct leaf *leaf;

	(void)pthread_mutex_lock(&leaf_lock);
	leaf = find_leaf(number);
	if (!leaf)
		leaf = add_leaf(number);
	(void)pthread_mutex_unlock(&leaf_lock);
	return leaf;
}

static _Atomic uint64_t *entry_in(struct leaf *leaf, uintptr_t address)
{
	return &leaf->entries[address / GRAIN % ENTRIES];
}

/* ---- blocks ---- */

/* At least GRAIN bytes: some malloc aligns smaller blocks less. */
static void *new_block(enum alloc_family family, size_t size, bool secret)
{
	void *block = fork_is_safe ? malloc(size < GRAIN ? GRAIN : size) : NULL;
	uintptr_t address = (uintptr_t)block;
	struct leaf *leaf;

	if (!block)
		return NULL;
	leaf = find_leaf(address / SPAN);
	if (!leaf)
		leaf = make_leaf(address / SPAN);
	if (!leaf) {
		free(block);
		return NULL;
	}
	atomic_store_explicit(entry_in(leaf, address), make_entry(family, size, secret),
		memory_order_release);
	return block;
}

void *alloc_block(enum alloc_family family, size_t size)
{
	return new_block(family, size, false);
}

void *alloc_secret(enum alloc_family family, size_t size)
{
	return new_block(family, size, true);
}

/* Clears the entry of the block at P and returns what it was; 0 where P is not the start
 * of a live block of FAMILY, or another thread was faster. */
static uint64_t take_entry(enum alloc_family family, const void *p)
{
	uintptr_t address = (uintptr_t)p;
	struct leaf *leaf = address % GRAIN ? NULL : find_leaf(address / SPAN);
	_Atomic uint64_t *place;
	uint64_t entry;

	if (!leaf)
		return 0;
	place = entry_in(leaf, address);
	entry = atomic_load_explicit(place, memory_order_acquire);
	if (!is_family(entry, family))
		return 0;
	return atomic_compare_exchange_strong_explicit(
		       place, &entry, 0, memory_order_acq_rel, memory_order_relaxed)
		       ? entry
		       : 0;
}

bool alloc_free(enum alloc_family family, void *p)
{
	uint64_t entry;

	if (!p)
		return true;
	entry = take_entry(family, p);
	if (!entry) {
		alloc_refused(family, p);
		return false;
	}
	if (entry & SECRET_BIT)
		explicit_bzero(p, (size_t)(entry >> SIZE_SHIFT));
	free(p);
	return true;
}

/* Counted when asked for: counters would cost every call more than all the rest. */
void alloc_get_stats(enum alloc_family family, struct alloc_stats *stats)
{
	struct leaf *leaf = atomic_load_explicit(&leaves, memory_order_acquire);

	*stats = (struct alloc_stats){.refused = alloc_refused_count(family)};
	for (; leaf; leaf = leaf->next)
		for (size_t i = 0; i < ENTRIES; i++) {
			uint64_t entry = atomic_load_explicit(
				&leaf->entries[i], memory_order_relaxed);

			if (is_family(entry, family)) {
				stats->blocks++;
				stats->bytes += entry >> SIZE_SHIFT;
			}
		}
}
