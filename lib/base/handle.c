/*
 * Handles are odd numbers dressed as pointers: no pointer to an object is odd, and none is
 * given twice.  The entries stand in the order of their numbers.
 *
 * One lock guards everything here; an entry is busy while a call is under way on its
 * object, and others wait for that on the entry's condition.  An entry leaves the table
 * when it is retired and nobody uses it or waits for it any more.
 */
#include "base/handle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Go's runtime ends a program that has a pointer below 4096 on a stack. */
#define FIRST_NUMBER 4097u

struct entry {
	uintptr_t number;
	enum handle_kind kind;
	void *object;
	pthread_cond_t idle;
	bool busy;
	bool retired;
	unsigned users; /* threads that work on it or wait for it */
};

static struct {
	pthread_mutex_t lock;
	struct entry **entries;
	size_t count, capacity;
	uintptr_t last_number;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock_table(void)
{
	(void)pthread_mutex_lock(&table.lock);
}

static void unlock_table(void)
{
	(void)pthread_mutex_unlock(&table.lock);
}

/* ---- fork ---- */

static bool fork_is_safe;

/* Whose table it is. The kernel wipes the page of the mark in every child, also in one made
 * without fork's handlers (clone), and looking at it costs no system call. Where the
 * kernel cannot do that, the process is asked for each time. */
static volatile unsigned char *mark;
static pid_t owner;

static bool is_own_table(void)
{
	return mark ? *mark != 0 : owner == getpid();
}

/* The objects are the parent's; the conditions may have waiters that do not exist here,
 * so that they are forgotten rather than destroyed. */
static void begin_anew(void)
{
	for (size_t i = 0; i < table.count; i++)
		free(table.entries[i]);
	table.count = 0;
	if (mark)
		*mark = 1;
	else
		owner = getpid();
}

static void lock_own_table(void)
{
	lock_table();
	if (!is_own_table())
		begin_anew();
}

static void begin_anew_in_child(void)
{
	begin_anew();
	unlock_table();
}

static void *map_mark(void)
{
#ifdef MADV_WIPEONFORK
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, size, MADV_WIPEONFORK) == 0)
		return page;
	(void)munmap(page, size);
#endif
	return NULL;
}

__attribute__((constructor)) static void prepare_for_fork(void)
{
	mark = map_mark();
	begin_anew();
	fork_is_safe = pthread_atfork(lock_table, unlock_table, begin_anew_in_child) == 0;
}

/* ---- entries ---- */

/* The place of NUMBER, or where it would be. */
static size_t position_of(uintptr_t number)
{
	size_t low = 0, high = table.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table.entries[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *find(const void *handle)
{
	size_t i = position_of((uintptr_t)handle);

	if (i == table.count || table.entries[i]->number != (uintptr_t)handle)
		return NULL;
	return table.entries[i];
}

/* One that a call may begin on. */
static struct entry *find_live(unsigned kinds, const void *handle)
{
	struct entry *entry = find(handle);

	if (!entry || entry->retired || !(kinds & HANDLE_MASK(entry->kind)))
		return NULL;
	return entry;
}

/* Ends one use; the last of a retired entry removes it. */
static void drop(struct entry *entry)
{
	size_t i;

	if (--entry->users || !entry->retired)
		return;
	i = position_of(entry->number);
	table.count--;
	memmove(&table.entries[i], &table.entries[i + 1],
		(table.count - i) * sizeof(struct entry *));
	(void)pthread_cond_destroy(&entry->idle);
	free(entry);
}

static bool reserve_place(void)
{
	size_t capacity = table.capacity ? 2 * table.capacity : 16;
	struct entry **entries;

	if (table.count < table.capacity)
		return true;
	if (capacity > SIZE_MAX / sizeof(struct entry *))
		return false;
	entries = realloc(table.entries, capacity * sizeof(struct entry *));
	if (!entries)
		return false;
	table.entries = entries;
	table.capacity = capacity;
	return true;
}

/* Numbers are not used again after the last one, and all ones is INVALID_HANDLE_VALUE. */
static bool enter(struct entry *entry)
{
	bool entered = false;

	lock_own_table();
	if (table.last_number < UINTPTR_MAX - 4 && reserve_place()) {
		table.last_number =
			table.last_number ? table.last_number + 2 : FIRST_NUMBER;
		entry->number = table.last_number;
		table.entries[table.count++] = entry;
		entered = true;
	}
	unlock_table();
	return entered;
}

status handle_create(enum handle_kind kind, void *object, void **handle)
{
	struct entry *entry = fork_is_safe ? calloc(1, sizeof(*entry)) : NULL;

	*handle = NULL;
	if (!entry)
		return status_no_memory();
	entry->kind = kind;
	entry->object = object;
	if (pthread_cond_init(&entry->idle, NULL) != 0) {
		free(entry);
		return status_no_memory();
	}
	if (!enter(entry)) {
		(void)pthread_cond_destroy(&entry->idle);
		free(entry);
		return status_no_memory();
	}
	*handle = (void *)entry->number;
	return STATUS_OK;
}

void *handle_acquire(unsigned kinds, void *handle, enum handle_kind *kind)
{
	void *object = NULL;
	struct entry *entry;

	lock_own_table();
	entry = find_live(kinds, handle);
	if (entry) {
		entry->users++;
		while (entry->busy && !entry->retired)
			(void)pthread_cond_wait(&entry->idle, &table.lock);
		if (entry->retired) {
			drop(entry);
		} else {
			entry->busy = true;
			object = entry->object;
			if (kind)
				*kind = entry->kind;
		}
	}
	unlock_table();
	return object;
}

/* Not found: the child that fork made in the middle of a call. */
void handle_release(void *handle)
{
	struct entry *entry;

	lock_own_table();
	entry = find(handle);
	if (entry && entry->busy) {
		entry->busy = false;
		(void)pthread_cond_broadcast(&entry->idle);
		drop(entry);
	}
	unlock_table();
}

void *handle_retire(unsigned kinds, void *handle, enum handle_kind *kind)
{
	void *object = NULL;
	struct entry *entry;

	lock_own_table();
	entry = find_live(kinds, handle);
	if (entry) {
		entry->users++;
		entry->retired = true;
		(void)pthread_cond_broadcast(&entry->idle);
		while (entry->busy)
			(void)pthread_cond_wait(&entry->idle, &table.lock);
		object = entry->object;
		if (kind)
			*kind = entry->kind;
		drop(entry);
	}
	unlock_table();
	return object;
}
