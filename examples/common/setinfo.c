#include "common/setinfo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <backupapi/errors.h>

#include "common/inifields.h"
#include "common/report.h"

#define ID_BYTES 16

static const struct field fields[] = {
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
	{"logs", "low", FIELD_NUMBER, offsetof(struct setinfo, log_low), true},
	{"logs", "high", FIELD_NUMBER, offsetof(struct setinfo, log_high), true},
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

void setinfo_write(const struct setinfo *info, FILE *file)
{
	fputs("; A backup set. %NN stands for the byte with that hexadecimal number.\n",
		file);
	inifields_write(fields, FIELD_COUNT, info, file);
}

bool setinfo_parse(struct setinfo *info, char *text, size_t size, const char *label)
{
	if (!inifields_parse(fields, FIELD_COUNT, info, text, size, label))
		return false;
	if (!setinfo_is_full(info) && strcmp(info->kind, "incremental") != 0)
		return report_problem(
			ERROR_FILE_CORRUPT, label, "unknown kind of backup");
	if (info->log_low > info->log_high)
		return report_problem(ERROR_FILE_CORRUPT, label, "bad range of logs");
	return true;
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
