/*
 * fuzz_ini.c - any bytes as ini text: read to the end, or refused with a line that exists
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	const char *begin, *end; /* of the text */
	unsigned line;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A string that ends inside the text. */
static bool lies_inside(const struct seen *seen, const char *s)
{
	return s >= seen->begin && s <= seen->end && s + strlen(s) <= seen->end;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *check_entry(void *context, const struct ini_entry *entry)
{
	struct seen *seen = context;
	size_t length = strlen(entry->value);

	require(entry->line > seen->line);
	seen->line = entry->line;
	require(!*entry->section || lies_inside(seen, entry->section));
	if (!*entry->key) {
		require(*entry->section && !length);
		return NULL;
	}
	require(lies_inside(seen, entry->key));
	require(lies_inside(seen, entry->value));
	require(!strpbrk(entry->value, "\r\n"));
	require(!is_blank(entry->value[0]) &&
		(!length || !is_blank(entry->value[length - 1])));
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct seen seen = {0};
	unsigned line = 0, lines = 1;
	const char *reason;

	require(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	seen.begin = text;
	seen.end = text + size;
	reason = ini_parse(text, size, check_entry, &seen, &line);
	require(line <= lines && (!reason || line > 0) && seen.line <= line);
	free(text);
	return 0;
}
