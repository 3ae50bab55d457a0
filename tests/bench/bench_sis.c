/*
 * A backup pass's answers for links: against looking the same keys up in a bare hash
 * table, and against the existence checks that first links need.
 *
 * SIS_LINKS (1,000,000), SIS_FILES (10,000) and SIS_MANY (1,000,000: the store files of the
 * second part; 0 leaves it out) can be set. Exit status 1 where a target is missed.
 */
#include <sisbkup.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "bench.h"
#include "sis/reparse.h"

#define PASSES     15
#define MOST_TIMES 3.0
#define MOST_BYTES 200.0

static uint8_t (*links)[REPARSE_SIZE];

static void store_path(char *path, size_t size, const char *root, const char *name)
{
	(void)snprintf(
		path, size, "%s/SIS Common Store%s%s", root, *name ? "/" : "", name);
}

static void make_guid(uint64_t number, uuid_t guid)
{
	/* Time-based ones of one machine differ in their first bytes. */
	memcpy(guid, "\0\0\0\0\x6d\x34\x11\xea\x9b\x83\0\x50\x56\x88\x14\x8e", 16);
	for (int i = 0; i < 4; i++)
		guid[i] = (uint8_t)(number >> (8 * i));
}

/* Links number FROM to TO - 1, and their store files. */
static void make_links(const char *root, uint64_t from, uint64_t to)
{
	char path[4200], name[64], text[37];

	for (uint64_t i = from; i < to; i++) {
		struct sis_link link = {.reserved = REPARSE_MARK, .index = i};
		int fd;

		make_guid(i, link.store_file);
		reparse_build(&link, links[i]);
		uuid_unparse_lower(link.store_file, text);
		(void)snprintf(name, sizeof(name), "%s.sis", text);
		store_path(path, sizeof(path), root, name);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			bench_fail(path, strerror(errno));
		(void)close(fd);
	}
}

static PVOID begin(const char *root)
{
	WCHAR wide[4200];
	PVOID pass;
	PWCHAR store, *files;
	ULONG count;

	for (size_t i = 0; i <= strlen(root); i++)
		wide[i] = (WCHAR)root[i];
	if (!SisCreateBackupStructure(wide, &pass, &store, &count, &files))
		bench_fail(root, "SisCreateBackupStructure");
	SisFreeAllocatedMemory(store);
	return pass;
}

static void ask(PVOID pass, uint64_t file, PVOID *matching)
{
	ULONG count;
	PWCHAR *files;

	if (!SisCSFilesToBackupForLink(pass, links[file], REPARSE_SIZE, &links[file],
		    matching, &count, &files))
		bench_fail("SisCSFilesToBackupForLink", "failed");
	if (!count)
		return;
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
}

/* ---- the bare tables ---- */

struct keyed {
	uint8_t guid[16];
	void *value;
	UT_hash_handle hh;
};

static guint hash_guid(gconstpointer key)
{
	uint64_t halves[2];

	memcpy(halves, key, sizeof(halves));
	halves[0] = (halves[0] ^ halves[1]) * 0x9e3779b97f4a7c15u;
	return (guint)(halves[0] >> 32);
}

static gboolean equal_guids(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, 16) == 0;
}

struct tables {
	struct keyed *items, *uthash;
	GHashTable *glib;
};

static struct tables make_tables(uint64_t files)
{
	struct tables t = {.items = calloc(files, sizeof(*t.items)),
		.glib = g_hash_table_new(hash_guid, equal_guids)};

	if (!t.items)
		bench_fail("tables", "out of memory");
	for (uint64_t i = 0; i < files; i++) {
		struct keyed *item = &t.items[i];

		memcpy(item->guid, links[i] + 16, 16);
		item->value = links[i];
		HASH_ADD(hh, t.uthash, guid, sizeof(item->guid), item);
		(void)g_hash_table_insert(t.glib, item->guid, item->value);
	}
	return t;
}

enum contender { OURS, UTHASH, GLIB, CONTENDERS };

static void *look_up(
	enum contender who, const struct tables *t, PVOID pass, uint64_t file)
{
	PVOID value = NULL;
	struct keyed *found;

	switch (who) {
	case OURS:
		ask(pass, file, &value);
		break;
	case UTHASH:
		HASH_FIND(hh, t->uthash, links[file] + 16, 16, found);
		value = found ? found->value : NULL;
		break;
	default:
		value = g_hash_table_lookup(t->glib, links[file] + 16);
	}
	return value;
}

/* The same keys in the same order for all; nanoseconds each. */
static double run(enum contender who, const struct tables *t, PVOID pass,
	const uint32_t *order, uint64_t count)
{
	double start = bench_now();

	for (uint64_t i = 0; i < count; i++)
		if (look_up(who, t, pass, order[i]) != links[order[i]])
			bench_fail("look-up", "a wrong value");
	return (bench_now() - start) * 1e9 / (double)count;
}

static bool later_links(const char *root, uint64_t files, uint64_t count)
{
	struct tables t = make_tables(files);
	uint32_t *order = malloc(count * sizeof(*order)), x = 1;
	double times[CONTENDERS][PASSES], ratios[PASSES], best, ratio;
	PVOID pass = begin(root), matching;
	bool met;

	if (!order)
		bench_fail("order", "out of memory");
	for (uint64_t i = 0; i < count; i++) {
		x = x * 1664525u + 1013904223u;
		order[i] = (uint32_t)(((uint64_t)x * files) >> 32);
	}
	for (uint64_t i = 0; i < files; i++)
		ask(pass, i, &matching);
	for (int i = 0; i < PASSES; i++)
		for (int who = 0; who < CONTENDERS; who++)
			times[who][i] = run((enum contender)who, &t, pass, order, count);
	for (int i = 0; i < PASSES; i++) {
		best = times[UTHASH][i] < times[GLIB][i] ? times[UTHASH][i]
							 : times[GLIB][i];
		ratios[i] = times[OURS][i] / best;
	}
	for (int who = 0; who < CONTENDERS; who++)
		times[who][0] = bench_median(times[who], PASSES);
	ratio = bench_median(ratios, PASSES);
	met = ratio <= MOST_TIMES;
	printf("%llu links, %llu store files: %.1f ns a call; bare: uthash %.1f ns, "
	       "GLib %.1f ns; %.2f times (at most %.0f): %s\n",
		(unsigned long long)count, (unsigned long long)files, times[OURS][0],
		times[UTHASH][0], times[GLIB][0], ratio, MOST_TIMES,
		met ? "met" : "MISSED");
	(void)SisFreeBackupStructure(pass);
	HASH_CLEAR(hh, t.uthash);
	g_hash_table_destroy(t.glib);
	free(t.items);
	free(order);
	return met;
}

static double check_existence(const char *root, uint64_t files)
{
	char path[4200], name[64], text[37];
	double start;
	uuid_t guid;
	struct stat st;
	int dir;

	store_path(path, sizeof(path), root, "");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	start = bench_now();
	for (uint64_t i = 0; i < files; i++) {
		make_guid(i, guid);
		uuid_unparse_lower(guid, text);
		(void)snprintf(name, sizeof(name), "%s.sis", text);
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
			bench_fail(name, strerror(errno));
	}
	start = bench_now() - start;
	(void)close(dir);
	return start * 1e9 / (double)files;
}

static size_t used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static bool first_links(const char *root, uint64_t files)
{
	double exist, time, memory;
	PVOID pass, matching;
	size_t before;
	bool met;

	exist = check_existence(root, files);
	pass = begin(root);
	before = used();
	time = bench_now();
	for (uint64_t i = 0; i < files; i++)
		ask(pass, i, &matching);
	time = (bench_now() - time) * 1e9 / (double)files;
	memory = (double)(used() - before) / (double)files;
	met = memory <= MOST_BYTES;
	printf("%llu store files: %.0f ns a first link; existence checks alone %.0f ns; "
	       "%.0f bytes each (at most %.0f): %s\n",
		(unsigned long long)files, time, exist, memory, MOST_BYTES,
		met ? "met" : "MISSED");
	(void)SisFreeBackupStructure(pass);
	return met;
}

int main(void)
{
	const uint64_t count = bench_setting("SIS_LINKS", 1000000);
	const uint64_t files = bench_setting("SIS_FILES", 10000);
	const uint64_t many = bench_setting("SIS_MANY", 1000000);
	const char *root = bench_dir();
	char path[4200];
	bool met;

	store_path(path, sizeof(path), root, "");
	if (mkdir(path, 0700))
		bench_fail(path, strerror(errno));
	links = calloc(files > many ? files : many, sizeof(*links));
	if (!links)
		bench_fail("links", "out of memory");
	make_links(root, 0, files);
	met = later_links(root, files, count);
	if (many) {
		make_links(root, files, many);
		met = first_links(root, many) && met;
	}
	free(links);
	return met ? EXIT_SUCCESS : EXIT_FAILURE;
}
