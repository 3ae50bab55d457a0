/* The length is decimal, without leading zeros, so that one length has one name. */
#include "engine/log_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char SUFFIX[] = ".part-";

char *log_part_name(const char *log, uint64_t length)
{
	char *name;

	return asprintf(&name, "%s%s%" PRIu64, log, SUFFIX, length) < 0 ? NULL : name;
}

/* The number that is all of TEXT. */
static bool parse_length(const char *text, uint64_t *length)
{
	uint64_t value = 0;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*length = value;
	return true;
}

bool log_part_split(const char *name, size_t *stem, uint64_t *length)
{
	const size_t all = strlen(name);
	const char *digits = name + all;
	uint64_t told;

	*stem = all;
	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if ((size_t)(digits - name) <= strlen(SUFFIX) ||
		strncmp(digits - strlen(SUFFIX), SUFFIX, strlen(SUFFIX)) != 0 ||
		!parse_length(digits, &told))
		return false;
	*stem = (size_t)(digits - name) - strlen(SUFFIX);
	if (length)
		*length = told;
	return true;
}
