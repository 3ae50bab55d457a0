#include "common/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

#define NONE   "-"
#define ID_MAX UINT32_MAX

/* ---- writing ---- */

void fields_write_text(FILE *file, const char *text)
{
	char *escaped = text ? str_escape(text) : NULL;

	/* A name that is just "-" must not read as none. */
	fputc('\t', file);
	fputs(!escaped ? NONE : !strcmp(escaped, NONE) ? "%2D" : escaped, file);
	free(escaped);
}

static void write_time(FILE *file, const struct timespec *time)
{
	fprintf(file, "\t%" PRId64 ".%09ld", (int64_t)time->tv_sec, time->tv_nsec);
}

void fields_write_meta(FILE *file, const struct meta *meta)
{
	fprintf(file, "\t%04o\t%u\t%u", (unsigned)meta->mode, (unsigned)meta->uid,
		(unsigned)meta->gid);
	fields_write_text(file, meta->user);
	fields_write_text(file, meta->group);
	write_time(file, &meta->mtime);
	write_time(file, &meta->atime);
	fields_write_text(file, meta->acl);
	fields_write_text(file, meta->default_acl);
}

/* ---- reading ---- */

bool fields_split(char *line, char **fields, size_t wanted)
{
	size_t count = 0;

	while (count < wanted) {
		char *tab = strchr(line, '\t');

		fields[count++] = line;
		if (!tab)
			return count == wanted;
		*tab = '\0';
		line = tab + 1;
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

bool fields_parse_text(char *field, char **text)
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

const char *fields_parse_meta(char **fields, struct meta *meta)
{
	uint64_t uid, gid;

	if (!parse_mode(fields[0], &meta->mode))
		return "mode";
	if (!str_number(fields[1], ID_MAX, &uid) || !str_number(fields[2], ID_MAX, &gid))
		return "owner";
	meta->uid = (uid_t)uid;
	meta->gid = (gid_t)gid;
	if (!fields_parse_text(fields[3], &meta->user) ||
		!fields_parse_text(fields[4], &meta->group))
		return "owner's name";
	if (!parse_time(fields[5], &meta->mtime) || !parse_time(fields[6], &meta->atime))
		return "time";
	if (!fields_parse_text(fields[7], &meta->acl) ||
		!fields_parse_text(fields[8], &meta->default_acl))
		return "access control list";
	return NULL;
}
