#include "common/setinfo.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <backupapi/errors.h>

#include "base/ini.h"
#include "common/report.h"
#include "common/str.h"

#define FORMAT   "1"
#define ID_BYTES 16

/* One table for writing and reading. */
enum field_type { FIELD_FORMAT, FIELD_TEXT, FIELD_LIST, FIELD_TIME, FIELD_GENERATION };

static const struct field {
	const char *section, *key;
	enum field_type type;
	size_t offset;
	bool required;
} fields[] = {
	{"backup", "format", FIELD_FORMAT, 0, true},
	{"backup", "server", FIELD_TEXT, offsetof(struct setinfo, server), true},
	{"backup", "family", FIELD_TEXT, offsetof(struct setinfo, family), true},
	{"backup", "engine", FIELD_TEXT, offsetof(struct setinfo, engine), true},
	{"backup", "kind", FIELD_TEXT, offsetof(struct setinfo, kind), true},
	{"backup", "started", FIELD_TIME, offsetof(struct setinfo, started), true},
	{"backup", "finished", FIELD_TIME, offsetof(struct setinfo, finished), true},
	{"backup", "host", FIELD_TEXT, offsetof(struct setinfo, host), false},
	{"backup", "library", FIELD_TEXT, offsetof(struct setinfo, library), false},
	{"locations", "database", FIELD_LIST, offsetof(struct setinfo, databases), false},
	{"locations", "log_dir", FIELD_TEXT, offsetof(struct setinfo, log_dir), false},
	{"locations", "system_dir", FIELD_TEXT, offsetof(struct setinfo, system_dir),
		false},
	{"logs", "low", FIELD_GENERATION, offsetof(struct setinfo, log_low), true},
	{"logs", "high", FIELD_GENERATION, offsetof(struct setinfo, log_high), true},
	{"chain", "id", FIELD_TEXT, offsetof(struct setinfo, id), true},
	{"chain", "base", FIELD_TIME, offsetof(struct setinfo, base_time), false},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

bool setinfo_is_full(const struct setinfo *info)
{
	return !strcmp(info->kind, "full");
}

void setinfo_make_id(struct setinfo *info)
{
	unsigned char raw[ID_BYTES];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw)) {
		report_plain("the system gives no random numbers");
		exit(EXIT_FAILED);
	}
	free(info->id);
	info->id = xmalloc(ID_BYTES * 2 + 1);
	for (size_t i = 0; i < ID_BYTES; i++)
		snprintf(info->id + i * 2, 3, "%02x", raw[i]);
}

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
	case FIELD_GENERATION:
		fprintf(file, "%s = %" PRIu32 "\n", field->key, *number);
		break;
	}
}

void setinfo_write(const struct setinfo *info, FILE *file)
{
	const char *section = "";

	fputs("; A backup set. %NN stands for the byte with that hexadecimal number.\n",
		file);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcmp(section, fields[i].section) != 0) {
			section = fields[i].section;
			fprintf(file, "\n[%s]\n", section);
		}
		write_field(file, &fields[i], (const char *)info + fields[i].offset);
	}
}

/* ---- reading ---- */

struct reading {
	struct setinfo *info;
	bool seen[FIELD_COUNT];
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
	case FIELD_GENERATION:
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

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcmp(fields[i].section, entry->section) != 0 ||
			strcmp(fields[i].key, entry->key) != 0)
			continue;
		if (reading->seen[i] && fields[i].type != FIELD_LIST)
			return "key given twice";
		reading->seen[i] = true;
		return read_value(&fields[i], (char *)reading->info + fields[i].offset,
			entry->value);
	}
	return NULL;
}

static bool check_complete(const struct reading *reading, const char *label)
{
	const struct setinfo *info = reading->info;

	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields[i].required && !reading->seen[i])
			return report_problem(ERROR_FILE_CORRUPT, label,
				"[%s] %s is missing", fields[i].section, fields[i].key);
	if (!setinfo_is_full(info) && strcmp(info->kind, "incremental") != 0)
		return report_problem(
			ERROR_FILE_CORRUPT, label, "unknown kind of backup");
	if (info->log_low > info->log_high)
		return report_problem(ERROR_FILE_CORRUPT, label, "bad range of logs");
	return true;
}

bool setinfo_parse(struct setinfo *info, char *text, size_t size, const char *label)
{
	struct reading reading = {.info = info};
	unsigned line = 0;
	const char *wrong = ini_parse(text, size, read_entry, &reading, &line);

	if (wrong)
		return report_problem(
			ERROR_FILE_CORRUPT, label, "line %u: %s", line, wrong);
	return check_complete(&reading, label);
}

void setinfo_free(struct setinfo *info)
{
	free(info->server);
	free(info->family);
	free(info->engine);
	free(info->kind);
	free(info->host);
	free(info->library);
	strings_free(&info->databases);
	free(info->log_dir);
	free(info->system_dir);
	free(info->id);
	memset(info, 0, sizeof(*info));
}
