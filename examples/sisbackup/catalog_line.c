#include "sisbackup/catalog_line.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"
#include "common/mem.h"
#include "common/str.h"
#include "sisbackup/attributes.h"
#include "sisbackup/pass.h"

#define NO_DATA "0+0" /* a sparse file that is one hole */

enum {
	FIELD_KIND,
	FIELD_PATH,
	FIELD_SIZE,
	FIELD_META,
	FIELD_TARGET = FIELD_META + FIELDS_OF_META,
	FIELD_DATA,
	FIELD_XATTRS,
	FIELD_COUNT
};

/* ---- writing ---- */

static void write_ranges(FILE *file, const struct ranges *ranges)
{
	fputs(ranges->count ? "\t" : "\t" NO_DATA, file);
	for (uint32_t i = 0; i < ranges->count; i++)
		fprintf(file, "%s%" PRIu64 "+%" PRIu64, i ? "," : "",
			ranges->items[i].offset, ranges->items[i].length);
}

static void write_data(FILE *file, const struct entry *entry)
{
	if (entry->kind == ENTRY_LINK) {
		fputc('\t', file);
		hex_write(file, entry->reparse, entry->reparse_size);
	} else if (entry->sparse) {
		write_ranges(file, &entry->ranges);
	} else {
		fields_write_text(file, NULL);
	}
}

void catalog_write_line(const struct entry *entry, FILE *file)
{
	fputs(entry_kind_name(entry->kind), file);
	fields_write_text(file, entry->path);
	fprintf(file, "\t%" PRIu64, entry->size);
	fields_write_meta(file, &entry->meta);
	fields_write_text(file, entry->target);
	write_data(file, entry);
	xattrs_write(file, &entry->xattrs);
	fputc('\n', file);
}

/* ---- reading ---- */

static bool is_below_volume(const char *path)
{
	size_t store = strlen(STORE_DIRECTORY);
	char *absolute = xasprintf("/%s", path);
	bool ok = path_is_clean(absolute);

	free(absolute);
	return ok && (strncmp(path, STORE_DIRECTORY, store) != 0 ||
			     (path[store] != '\0' && path[store] != '/'));
}

static bool is_plain_name(const char *name)
{
	return is_below_volume(name) && !strchr(name, '/');
}

static bool check_path(enum entry_kind kind, const char *path)
{
	if (kind == ENTRY_STORE)
		return is_plain_name(path);
	return is_below_volume(path) || (kind == ENTRY_DIRECTORY && !strcmp(path, "."));
}

static bool check_target(const struct entry *entry)
{
	const char *target = entry->target;
	dev_t device;

	switch (entry->kind) {
	case ENTRY_LINK:
		return target && is_plain_name(target);
	case ENTRY_SYMLINK:
		return target && strlen(target) < PATH_MAX;
	case ENTRY_HARDLINK:
		return target && is_below_volume(target);
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		return entry_device(entry, &device);
	default:
		return !target;
	}
}

/* Ascending, inside of the file. */
static bool parse_range(
	char *field, uint64_t from, uint64_t size, struct backupapi_range *range)
{
	char *plus = strchr(field, '+');

	if (!plus)
		return false;
	*plus = '\0';
	return str_number(field, INT64_MAX, &range->offset) &&
	       str_number(plus + 1, INT64_MAX, &range->length) && range->length > 0 &&
	       range->offset >= from && range->offset <= size &&
	       range->length <= size - range->offset;
}

static bool parse_ranges(char *field, struct entry *entry)
{
	uint64_t from = 0;
	size_t capacity = 0;

	entry->sparse = true;
	if (!strcmp(field, NO_DATA))
		return true;
	while (field) {
		char *next = strchr(field, ',');
		struct backupapi_range range;

		if (next)
			*next++ = '\0';
		if (entry->ranges.count == UINT32_MAX ||
			!parse_range(field, from, entry->size, &range))
			return false;
		array_reserve(&entry->ranges.items, entry->ranges.count, &capacity,
			sizeof(range));
		entry->ranges.items[entry->ranges.count++] = range;
		from = range.offset + range.length;
		field = next;
	}
	return true;
}

static bool parse_data(char *field, struct entry *entry)
{
	if (entry->kind == ENTRY_LINK)
		return hex_parse(field, &entry->reparse, &entry->reparse_size) &&
		       entry->reparse_size > 0 && entry->reparse_size <= REPARSE_LIMIT;
	if (!strcmp(field, "-"))
		return true;
	return (entry->kind == ENTRY_FILE || entry->kind == ENTRY_STORE) &&
	       parse_ranges(field, entry);
}

const char *catalog_parse_line(struct catalog *catalog, char *line)
{
	char *fields[FIELD_COUNT];
	const char *wrong;
	enum entry_kind kind;
	struct entry *entry;

	if (!fields_split(line, fields, FIELD_COUNT))
		return "number of fields";
	if (!entry_kind_parse(fields[FIELD_KIND], &kind))
		return "kind";
	if (!str_unescape(fields[FIELD_PATH]) || !check_path(kind, fields[FIELD_PATH]))
		return "path";
	entry = catalog_add(catalog, kind, xstrdup(fields[FIELD_PATH]));
	if (!str_number(fields[FIELD_SIZE], INT64_MAX, &entry->size))
		return "size";
	wrong = fields_parse_meta(fields + FIELD_META, &entry->meta);
	if (wrong)
		return wrong;
	if (!fields_parse_text(fields[FIELD_TARGET], &entry->target) ||
		!check_target(entry))
		return "target";
	if (!parse_data(fields[FIELD_DATA], entry))
		return "data";
	if (!xattrs_parse(fields[FIELD_XATTRS], &entry->xattrs))
		return "attributes";
	xattrs_drop(&entry->xattrs, attributes_left_out);
	return NULL;
}
