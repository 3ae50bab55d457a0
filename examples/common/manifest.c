#include "common/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/errors.h>

#include "common/fields.h"
#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define HEADER "# backupapi manifest 1"
#define FIELDS (3 + FIELDS_OF_META)

static const struct {
	const char *name;
	const char *directory; /* in the set */
} kinds[] = {
	[ITEM_DIRECTORY] = {"directory", NULL},
	[ITEM_DATABASE] = {"database", "databases"},
	[ITEM_LOG] = {"log", "logs"},
	[ITEM_PATCH] = {"patch", "logs"},
	[ITEM_DYNAMIC] = {"dynamic", "dynamic"},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *item_kind_name(enum item_kind kind)
{
	return kinds[kind].name;
}

char *item_location(enum item_kind kind, const char *path)
{
	return kinds[kind].directory ? xasprintf("%s%s", kinds[kind].directory, path)
				     : NULL;
}

struct item *manifest_add(
	struct manifest *manifest, enum item_kind kind, const char *path)
{
	struct item *item;

	array_reserve(
		&manifest->items, manifest->count, &manifest->capacity, sizeof(*item));
	item = &manifest->items[manifest->count++];
	memset(item, 0, sizeof(*item));
	item->kind = kind;
	item->path = xstrdup(path);
	return item;
}

static void item_free(struct item *item)
{
	free(item->path);
	meta_free(&item->meta);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->path, y->path);
}

void manifest_sort(struct manifest *manifest)
{
	size_t kept = 0;

	if (manifest->count == 0)
		return;
	qsort(manifest->items, manifest->count, sizeof(*manifest->items), compare_items);
	for (size_t i = 1; i < manifest->count; i++) {
		struct item *item = &manifest->items[i];

		if (item->kind == ITEM_DIRECTORY &&
			compare_items(&manifest->items[kept], item) == 0)
			item_free(item);
		else
			manifest->items[++kept] = *item;
	}
	manifest->count = kept + 1;
}

const struct item *manifest_find(
	const struct manifest *manifest, enum item_kind kind, const char *path)
{
	struct item key = {.kind = kind};
	const struct item *found = NULL;
	char *copy = xstrdup(path);

	key.path = copy;
	if (manifest->count > 0)
		found = bsearch(&key, manifest->items, manifest->count,
			sizeof(*manifest->items), compare_items);
	free(copy);
	return found;
}

/* ---- writing ---- */

static void write_item(FILE *file, const struct item *item)
{
	fputs(kinds[item->kind].name, file);
	fields_write_text(file, item->path);
	fprintf(file, "\t%" PRIu64, item->size);
	fields_write_meta(file, &item->meta);
	fputc('\n', file);
}

void manifest_write(const struct manifest *manifest, FILE *file)
{
	fputs(HEADER "\n", file);
	for (size_t i = 0; i < manifest->count; i++)
		write_item(file, &manifest->items[i]);
}

/* ---- reading ---- */

static bool parse_kind(const char *field, enum item_kind *kind)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!strcmp(field, kinds[i].name)) {
			*kind = (enum item_kind)i;
			return true;
		}
	}
	return false;
}

/* NULL, or what is wrong with LINE. */
static const char *parse_line(struct manifest *manifest, char *line)
{
	char *fields[FIELDS];
	enum item_kind kind;
	struct item *item;

	if (!fields_split(line, fields, FIELDS))
		return "number of fields";
	if (!parse_kind(fields[0], &kind))
		return "kind";
	if (!str_unescape(fields[1]) || !path_is_clean(fields[1]))
		return "path";
	item = manifest_add(manifest, kind, fields[1]);
	if (!str_number(fields[2], INT64_MAX, &item->size))
		return "size";
	return fields_parse_meta(fields + 3, &item->meta);
}

bool manifest_parse(struct manifest *manifest, char *text, const char *label)
{
	unsigned line = 1;

	while (*text) {
		char *end = strchr(text, '\n');
		const char *wrong = NULL;

		if (!end)
			return report_problem(
				ERROR_FILE_CORRUPT, label, "line %u is cut short", line);
		*end = '\0';
		if (line > 1)
			wrong = parse_line(manifest, text);
		else if (strcmp(text, HEADER) != 0)
			wrong = "header";
		if (wrong)
			return report_problem(ERROR_FILE_CORRUPT, label,
				"line %u: bad %s", line, wrong);
		text = end + 1;
		line++;
	}
	if (line == 1)
		return report_problem(ERROR_FILE_CORRUPT, label, "empty");
	manifest_sort(manifest);
	return true;
}

void manifest_free(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++)
		item_free(&manifest->items[i]);
	free(manifest->items);
	memset(manifest, 0, sizeof(*manifest));
}
