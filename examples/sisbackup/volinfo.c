#include "sisbackup/volinfo.h"

#include <stdlib.h>
#include <string.h>

#include "common/inifields.h"

static const struct field fields[] = {
	{"backup", "format", FIELD_FORMAT, 0, true},
	{"backup", "volume", FIELD_TEXT, offsetof(struct volinfo, volume), true},
	{"backup", "filesystem", FIELD_TEXT, offsetof(struct volinfo, filesystem), false},
	{"backup", "started", FIELD_TIME, offsetof(struct volinfo, started), true},
	{"backup", "finished", FIELD_TIME, offsetof(struct volinfo, finished), true},
	{"backup", "host", FIELD_TEXT, offsetof(struct volinfo, host), false},
	{"backup", "library", FIELD_TEXT, offsetof(struct volinfo, library), false},
	{"backup", "skipped", FIELD_NUMBER, offsetof(struct volinfo, skipped), true},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

void volinfo_write(const struct volinfo *info, FILE *file)
{
	fputs("; A backup of a volume. %NN stands for the byte with that hexadecimal "
	      "number.\n",
		file);
	inifields_write(fields, FIELD_COUNT, info, file);
}

bool volinfo_parse(struct volinfo *info, char *text, size_t size, const char *label)
{
	memset(info, 0, sizeof(*info));
	return inifields_parse(fields, FIELD_COUNT, info, text, size, label);
}

void volinfo_free(struct volinfo *info)
{
	free(info->volume);
	free(info->filesystem);
	free(info->host);
	free(info->library);
	memset(info, 0, sizeof(*info));
}
