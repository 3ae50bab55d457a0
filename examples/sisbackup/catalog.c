#include "sisbackup/catalog.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "sisbackup/catalog_line.h"

static const struct {
	const char *name;
	const char *place; /* in the set */
} kinds[] = {
	[ENTRY_DIRECTORY] = {"directory", NULL},
	[ENTRY_FILE] = {"file", "files"},
	[ENTRY_LINK] = {"link", NULL},
	[ENTRY_SYMLINK] = {"symlink", NULL},
	[ENTRY_HARDLINK] = {"hardlink", NULL},
	[ENTRY_FIFO] = {"fifo", NULL},
	[ENTRY_SOCKET] = {"socket", NULL},
	[ENTRY_CHAR] = {"char", NULL},
	[ENTRY_BLOCK] = {"block", NULL},
	[ENTRY_STORE] = {"store", "store"},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *entry_kind_name(enum entry_kind kind)
{
	return kinds[kind].name;
}

bool entry_kind_parse(const char *name, enum entry_kind *kind)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!strcmp(name, kinds[i].name)) {
			*kind = (enum entry_kind)i;
			return true;
		}
	}
	return false;
}

char *entry_location(const struct entry *entry)
{
	const char *place = kinds[entry->kind].place;

	return place ? path_join(place, entry->path) : NULL;
}

uint64_t entry_stored_size(const struct entry *entry)
{
	uint64_t bytes = 0;

	if (!kinds[entry->kind].place)
		return 0;
	if (!entry->sparse)
		return entry->size;
	for (uint32_t i = 0; i < entry->ranges.count; i++)
		bytes += entry->ranges.items[i].length;
	return bytes;
}

bool entry_device(const struct entry *entry, dev_t *device)
{
	char *text = xstrdup(entry->target ? entry->target : ""),
	     *colon = strchr(text, ':');
	uint64_t high, low;
	bool ok;

	if (colon)
		*colon = '\0';
	ok = colon && str_number(text, UINT32_MAX, &high) &&
	     str_number(colon + 1, UINT32_MAX, &low);
	if (ok)
		*device = makedev((unsigned)high, (unsigned)low);
	free(text);
	return ok;
}

/* ---- the list ---- */

struct entry *catalog_add(struct catalog *catalog, enum entry_kind kind, char *path)
{
	struct entry *entry;

	array_reserve(
		&catalog->items, catalog->count, &catalog->capacity, sizeof(*entry));
	entry = &catalog->items[catalog->count++];
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->path = path;
	return entry;
}

void entry_clear(struct entry *entry)
{
	meta_free(&entry->meta);
	xattrs_free(&entry->xattrs);
	free(entry->target);
	free(entry->ranges.items);
	free(entry->reparse);
	entry->target = NULL;
	entry->ranges = (struct ranges){0};
	entry->sparse = false;
	entry->reparse = NULL;
	entry->reparse_size = 0;
	entry->store = NULL;
	entry->size = 0;
}

static void entry_free(struct entry *entry)
{
	entry_clear(entry);
	free(entry->path);
}

static const char *sort_path(const struct entry *entry)
{
	return strcmp(entry->path, ".") ? entry->path : "";
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	bool x_store = x->kind == ENTRY_STORE, y_store = y->kind == ENTRY_STORE;

	if (x_store != y_store)
		return x_store ? 1 : -1;
	return strcmp(sort_path(x), sort_path(y));
}

void catalog_sort(struct catalog *catalog)
{
	if (catalog->count > 0)
		qsort(catalog->items, catalog->count, sizeof(*catalog->items), compare);
}

static struct entry *find(
	const struct catalog *catalog, enum entry_kind kind, const char *path)
{
	struct entry key = {.kind = kind, .path = xstrdup(path)}, *found = NULL;

	if (catalog->count > 0)
		found = bsearch(&key, catalog->items, catalog->count,
			sizeof(*catalog->items), compare);
	free(key.path);
	return found;
}

struct entry *catalog_find(const struct catalog *catalog, const char *path)
{
	return find(catalog, ENTRY_FILE, path);
}

struct entry *catalog_find_store(const struct catalog *catalog, const char *name)
{
	return find(catalog, ENTRY_STORE, name);
}

void catalog_drop_last(struct catalog *catalog)
{
	entry_free(&catalog->items[--catalog->count]);
}

void catalog_drop_failed(struct catalog *catalog)
{
	size_t kept = 0;

	for (size_t i = 0; i < catalog->count; i++) {
		if (catalog->items[i].failed)
			entry_free(&catalog->items[i]);
		else
			catalog->items[kept++] = catalog->items[i];
	}
	catalog->count = kept;
}

void catalog_free(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		entry_free(&catalog->items[i]);
	free(catalog->items);
	memset(catalog, 0, sizeof(*catalog));
}

/* ---- as text ---- */

void catalog_write(const struct catalog *catalog, FILE *file)
{
	fputs(CATALOG_HEADER "\n", file);
	for (size_t i = 0; i < catalog->count; i++)
		catalog_write_line(&catalog->items[i], file);
}

/* What no line shows by itself. NULL, or what is wrong. */
static const char *check_whole(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++) {
		const struct entry *entry = &catalog->items[i], *other;

		if (i > 0 && compare(entry - 1, entry) == 0)
			return entry->path;
		if (entry->kind == ENTRY_LINK &&
			!catalog_find_store(catalog, entry->target))
			return entry->path;
		if (entry->kind != ENTRY_HARDLINK)
			continue;
		other = catalog_find(catalog, entry->target);
		if (!other || other->kind == ENTRY_HARDLINK ||
			other->kind == ENTRY_DIRECTORY)
			return entry->path;
	}
	return NULL;
}

bool catalog_parse(struct catalog *catalog, char *text, const char *label)
{
	unsigned line = 1;
	const char *wrong = NULL;

	for (; *text && !wrong; line++) {
		char *end = strchr(text, '\n');

		if (!end) {
			wrong = "end";
			break;
		}
		*end = '\0';
		if (line > 1)
			wrong = catalog_parse_line(catalog, text);
		else if (strcmp(text, CATALOG_HEADER) != 0)
			wrong = "header";
		text = end + 1;
	}
	if (wrong || line == 1)
		return report_problem(ERROR_FILE_CORRUPT, label, "line %u: bad %s",
			wrong ? line - 1 : line, wrong ? wrong : "header");
	catalog_sort(catalog);
	wrong = check_whole(catalog);
	return !wrong || report_problem(ERROR_FILE_CORRUPT, label,
				 "%s: there twice, or without what it belongs to", wrong);
}
