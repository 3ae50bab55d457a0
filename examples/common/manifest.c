#include "common/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define HEADER "# backupapi manifest 1"
#define FIELDS 12
#define NONE   "-"
#define ID_MAX UINT32_MAX

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

static void write_text(FILE *file, const char *text)
{
	char *escaped = text ? str_escape(text) : NULL;

	/* A name that is just "-" must not read as none. */
	fprintf(file, "\t%s", !escaped ? NONE : !strcmp(escaped, NONE) ? "%2D" : escaped);
	free(escaped);
}

static void write_time(FILE *file, const struct timespec *time)
{
	fprintf(file, "\t%" PRId64 ".%09ld", (int64_t)time->tv_sec, time->tv_nsec);
}

static void write_item(FILE *file, const struct item *item)
{
	const struct meta *meta = &item->meta;

	fputs(kinds[item->kind].name, file);
	write_text(file, item->path);
	fprintf(file, "\t%" PRIu64 "\t%04o\t%u\t%u", item->size, (unsigned)meta->mode,
		(unsigned)meta->uid, (unsigned)meta->gid);
	write_text(file, meta->user);
	write_text(file, meta->group);
	write_time(file, &meta->mtime);
	write_time(file, &meta->atime);
	write_text(file, meta->acl);
	write_text(file, meta->default_acl);
	fputc('\n', file);
}

void manifest_write(const struct manifest *manifest, FILE *file)
{
	fputs(HEADER "\n", file);
	for (size_t i = 0; i < manifest->count; i++)
		write_item(file, &manifest->items[i]);
}

/* ---- reading ---- */

/* Splits LINE at its tabs into exactly FIELDS. */
static bool split(char *line, char *fields[FIELDS])
{
	size_t count = 0;

	while (count < FIELDS) {
		char *tab = strchr(line, '\t');

		fields[count++] = line;
		if (!tab)
			return count == FIELDS;
		*tab = '\0';
		line = tab + 1;
	}
	return false;
}

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

static bool parse_mode(const char *field, mode_t *mode)
{
	if (strlen(field) != 4 || strspn(field, "01234567") != 4)
		return false;
	*mode = (mode_t)strtoul(field, NULL, 8);
	return true;
}

static bool parse_time(char *field, struct timespec *time)
{
	bool negative = *field == '-';
	char *digits = negative ? field + 1 : field, *dot = strchr(digits, '.');
	uint64_t seconds, nanoseconds;

	if (!dot || strlen(dot + 1) != 9)
		return false;
	*dot = '\0';
	if (!str_number(digits, INT64_MAX, &seconds) ||
		!str_number(dot + 1, 999999999, &nanoseconds))
		return false;
	time->tv_sec = negative ? -(time_t)seconds : (time_t)seconds;
	time->tv_nsec = (long)nanoseconds;
	return true;
}

static bool parse_text(char *field, char **text)
{
	if (!*field)
		return false;
	if (!strcmp(field, NONE))
		return true;
	if (!str_unescape(field))
		return false;
	*text = xstrdup(field);
	return true;
}

/* What the fields after kind and path say. NULL, or the name of the bad one. */
static const char *parse_fields(char *fields[FIELDS], struct item *item)
{
	struct meta *meta = &item->meta;
	uint64_t uid, gid;

	if (!str_number(fields[2], INT64_MAX, &item->size))
		return "size";
	if (!parse_mode(fields[3], &meta->mode))
		return "mode";
	if (!str_number(fields[4], ID_MAX, &uid) || !str_number(fields[5], ID_MAX, &gid))
		return "owner";
	meta->uid = (uid_t)uid;
	meta->gid = (gid_t)gid;
	if (!parse_text(fields[6], &meta->user) || !parse_text(fields[7], &meta->group))
		return "owner's name";
	if (!parse_time(fields[8], &meta->mtime) || !parse_time(fields[9], &meta->atime))
		return "time";
	if (!parse_text(fields[10], &meta->acl) ||
		!parse_text(fields[11], &meta->default_acl))
		return "access control list";
	return NULL;
}

/* NULL, or what is wrong with LINE. */
static const char *parse_line(struct manifest *manifest, char *line)
{
	char *fields[FIELDS];
	enum item_kind kind;

	if (!split(line, fields))
		return "number of fields";
	if (!parse_kind(fields[0], &kind))
		return "kind";
	if (!str_unescape(fields[1]) || !path_is_clean(fields[1]))
		return "path";
	return parse_fields(fields, manifest_add(manifest, kind, fields[1]));
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
