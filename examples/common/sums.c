#include "common/sums.h"

#include <stdlib.h>
#include <string.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define HEX_DIGITS (DIGEST_SIZE - 1)

void sums_take(struct sums *sums, char *path, const char hex[DIGEST_SIZE])
{
	struct sum *sum;

	array_reserve(&sums->items, sums->count, &sums->capacity, sizeof(*sum));
	sum = &sums->items[sums->count++];
	sum->path = path;
	memcpy(sum->hex, hex, DIGEST_SIZE);
	sum->size = 0;
}

static int compare_sums(const void *a, const void *b)
{
	return strcmp(((const struct sum *)a)->path, ((const struct sum *)b)->path);
}

void sums_sort(struct sums *sums)
{
	if (sums->count > 0)
		qsort(sums->items, sums->count, sizeof(*sums->items), compare_sums);
}

/* The first that is not before PATH. */
static size_t lower_bound(const struct sums *sums, const char *path)
{
	size_t low = 0, high = sums->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sums->items[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct sum *sums_find(const struct sums *sums, const char *path)
{
	size_t at = lower_bound(sums, path);

	return at < sums->count && !strcmp(sums->items[at].path, path) ? &sums->items[at]
								       : NULL;
}

bool sums_any_below(const struct sums *sums, const char *prefix)
{
	size_t at = lower_bound(sums, prefix);

	return at < sums->count &&
	       strncmp(sums->items[at].path, prefix, strlen(prefix)) == 0;
}

/* ---- writing ---- */

static const char *escape_of(char c)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	default:
		return NULL;
	}
}

static void write_escaped(const char *path, FILE *file)
{
	for (; *path; path++) {
		if (escape_of(*path))
			fputs(escape_of(*path), file);
		else
			fputc(*path, file);
	}
}

void sums_write(const struct sums *sums, FILE *file)
{
	for (size_t i = 0; i < sums->count; i++) {
		const char *path = sums->items[i].path;
		bool escaped = strpbrk(path, "\\\n\r") != NULL;

		if (escaped)
			fputc('\\', file);
		fputs(sums->items[i].hex, file);
		fputs("  ", file);
		if (escaped)
			write_escaped(path, file);
		else
			fputs(path, file);
		fputc('\n', file);
	}
}

/* ---- reading ---- */

/* In place; false where an escape is unknown, or none was needed. */
static bool unescape(char *path)
{
	char *to = path;
	bool any = false;

	for (; *path; path++) {
		if (*path != '\\') {
			*to++ = *path;
			continue;
		}
		path++;
		if (*path != '\\' && *path != 'n' && *path != 'r')
			return false;
		*to++ = *path == 'n' ? '\n' : *path == 'r' ? '\r' : '\\';
		any = true;
	}
	*to = '\0';
	return any;
}

/* Relative, and not out of the set. */
static bool is_safe(const char *path)
{
	char *absolute = xasprintf("/%s", path);
	bool safe = path_is_clean(absolute);

	free(absolute);
	return safe;
}

static bool parse_line(struct sums *sums, char *line)
{
	bool escaped = *line == '\\';
	char hex[DIGEST_SIZE], *path;

	if (escaped)
		line++;
	if (strspn(line, "0123456789abcdef") != HEX_DIGITS ||
		strncmp(line + HEX_DIGITS, "  ", 2) != 0)
		return false;
	memcpy(hex, line, HEX_DIGITS);
	hex[HEX_DIGITS] = '\0';
	path = line + HEX_DIGITS + 2;
	if (escaped ? !unescape(path) : strpbrk(path, "\\\r") != NULL)
		return false;
	if (!is_safe(path) ||
		(sums->count > 0 && strcmp(sums->items[sums->count - 1].path, path) >= 0))
		return false;
	sums_take(sums, xstrdup(path), hex);
	return true;
}

bool sums_parse(struct sums *sums, char *text, const char *label)
{
	for (unsigned line = 1; *text; line++) {
		char *end = strchr(text, '\n');

		if (end)
			*end = '\0';
		if (!end || !parse_line(sums, text))
			return report_problem(
				ERROR_FILE_CORRUPT, label, "line %u is damaged", line);
		text = end + 1;
	}
	return sums->count > 0 || report_problem(ERROR_FILE_CORRUPT, label, "empty");
}

void sums_free(struct sums *sums)
{
	for (size_t i = 0; i < sums->count; i++)
		free(sums->items[i].path);
	free(sums->items);
	memset(sums, 0, sizeof(*sums));
}
