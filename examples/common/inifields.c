#include "common/inifields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/errors.h>

#include "base/ini.h"
#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define FORMAT "1"

/* ---- writing ---- */

static void write_escaped(FILE *file, const char *key, const char *value)
{
	char *escaped = str_escape(value);

	fprintf(file, "%s = %s\n", key, escaped);
	free(escaped);
}

static void write_field(FILE *file, const struct field *field, const void *value)
{
	const struct strings *list = value;
	const int64_t *seconds = value;
	const uint32_t *number = value;
	char *const *text = value;
	char time[STR_TIME_SIZE];

	switch (field->type) {
	case FIELD_FORMAT:
		fprintf(file, "%s = " FORMAT "\n", field->key);
		break;
	case FIELD_TEXT:
		if (*text)
			write_escaped(file, field->key, *text);
		break;
	case FIELD_LIST:
		for (size_t i = 0; i < list->count; i++)
			write_escaped(file, field->key, list->items[i]);
		break;
	case FIELD_TIME:
		str_time(*seconds, time);
		if (*seconds)
			fprintf(file, "%s = %s\n", field->key, time);
		break;
	case FIELD_NUMBER:
		fprintf(file, "%s = %" PRIu32 "\n", field->key, *number);
		break;
	}
}

void inifields_write(
	const struct field *fields, size_t count, const void *structure, FILE *file)
{
	const char *section = "";

	for (size_t i = 0; i < count; i++) {
		if (strcmp(section, fields[i].section) != 0) {
			section = fields[i].section;
			fprintf(file, "\n[%s]\n", section);
		}
		write_field(file, &fields[i], (const char *)structure + fields[i].offset);
	}
}

/* ---- reading ---- */

struct reading {
	const struct field *fields;
	size_t count;
	char *structure;
	bool *seen;
};

static char *unescaped(const char *value)
{
	char *copy = xstrdup(value);

	if (str_unescape(copy))
		return copy;
	free(copy);
	return NULL;
}

/* NULL, or what is wrong with VALUE. */
static const char *read_value(const struct field *field, void *place, const char *value)
{
	char *text;
	uint64_t n;

	switch (field->type) {
	case FIELD_FORMAT:
		return strcmp(value, FORMAT) ? "a set of a newer version" : NULL;
	case FIELD_TEXT:
	case FIELD_LIST:
		text = unescaped(value);
		if (!text)
			return "bad escape";
		if (field->type == FIELD_LIST)
			strings_take(place, text);
		else
			memcpy(place, &text, sizeof(text));
		return NULL;
	case FIELD_TIME:
		return str_parse_time(value, place) ? NULL : "bad time";
	case FIELD_NUMBER:
		if (!str_number(value, UINT32_MAX, &n))
			return "bad number";
		*(uint32_t *)place = (uint32_t)n;
		return NULL;
	}
	return NULL;
}

static const char *read_entry(void *context, const struct ini_entry *entry)
{
	struct reading *reading = context;

	for (size_t i = 0; i < reading->count; i++) {
		const struct field *field = &reading->fields[i];

		if (strcmp(field->section, entry->section) != 0 ||
			strcmp(field->key, entry->key) != 0)
			continue;
		if (reading->seen[i] && field->type != FIELD_LIST)
			return "key given twice";
		reading->seen[i] = true;
		return read_value(
			field, reading->structure + field->offset, entry->value);
	}
	return NULL;
}

static bool check_complete(const struct reading *reading, const char *label)
{
	for (size_t i = 0; i < reading->count; i++)
		if (reading->fields[i].required && !reading->seen[i])
			return report_problem(ERROR_FILE_CORRUPT, label,
				"[%s] %s is missing", reading->fields[i].section,
				reading->fields[i].key);
	return true;
}

bool inifields_parse(const struct field *fields, size_t count, void *structure,
	char *text, size_t size, const char *label)
{
	struct reading reading = {
		.fields = fields,
		.count = count,
		.structure = structure,
		.seen = xmalloc(count * sizeof(bool)),
	};
	unsigned line = 0;
	const char *wrong = ini_parse(text, size, read_entry, &reading, &line);
	bool ok;

	if (wrong)
		ok = report_problem(
			ERROR_FILE_CORRUPT, label, "line %u: %s", line, wrong);
	else
		ok = check_complete(&reading, label);
	free(reading.seen);
	return ok;
}
