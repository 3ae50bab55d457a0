#include "common/json.h"

#include <stdio.h>

#include "common/str.h"

#define DEPTH_MAX 8

static struct {
	char closing[DEPTH_MAX];
	bool filled[DEPTH_MAX];
	unsigned depth;
} at;

static void write_text(const char *s)
{
	putchar('"');
	while (*s) {
		uint32_t code = 0;
		size_t length = str_decode(s, &code);

		if (length == 0) {
			printf("\\udc%02x", (unsigned)(unsigned char)*s++);
			continue;
		}
		if (code < 0x20 || code == 0x7f)
			printf("\\u%04x", (unsigned)code);
		else if (code == '"' || code == '\\')
			printf("\\%c", (char)code);
		else
			fwrite(s, 1, length, stdout);
		s += length;
	}
	putchar('"');
}

static void indent(void)
{
	putchar('\n');
	for (unsigned i = 0; i < at.depth; i++)
		fputs("  ", stdout);
}

static void begin_value(const char *key)
{
	if (at.depth > 0) {
		if (at.filled[at.depth - 1])
			putchar(',');
		at.filled[at.depth - 1] = true;
		indent();
	}
	if (key) {
		write_text(key);
		fputs(": ", stdout);
	}
}

static void open_level(const char *key, char opening, char closing)
{
	begin_value(key);
	putchar(opening);
	at.closing[at.depth] = closing;
	at.filled[at.depth] = false;
	at.depth++;
}

void json_object(const char *key)
{
	open_level(key, '{', '}');
}

void json_array(const char *key)
{
	open_level(key, '[', ']');
}

void json_end(void)
{
	at.depth--;
	if (at.filled[at.depth])
		indent();
	putchar(at.closing[at.depth]);
	if (at.depth == 0)
		putchar('\n');
}

void json_text(const char *key, const char *value)
{
	begin_value(key);
	if (value)
		write_text(value);
	else
		fputs("null", stdout);
}

void json_number(const char *key, int64_t value)
{
	begin_value(key);
	printf("%lld", (long long)value);
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", stdout);
}

void json_time(const char *key, int64_t seconds)
{
	char text[STR_TIME_SIZE];

	str_time(seconds, text);
	json_text(key, seconds ? text : NULL);
}
