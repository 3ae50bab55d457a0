/*
 * The result is one block: the pointers, then the text they point to.  An argument is
 * never longer than what it was written as.
 */
#include "server/command_line.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BLANKS " \t\r\n"

struct splitter {
	const char *next; /* in the line */
	char *out;        /* in the text */
	const char *wrong;
};

/* ---- escapes ---- */

/* COUNT digits of BASE; false where one is missing. */
static bool take_number(struct splitter *s, int base, int count, uint32_t *value)
{
	*value = 0;
	for (; count > 0; count--) {
		int digit = text_digit_value(*s->next);

		if (digit < 0 || digit >= base)
			return false;
		*value = *value * (uint32_t)base + (uint32_t)digit;
		s->next++;
	}
	return true;
}

static bool take_byte(struct splitter *s, int base, int count)
{
	uint32_t value;

	if (!take_number(s, base, count, &value) || value == 0 || value > 0xff)
		return false;
	*s->out++ = (char)(unsigned char)value;
	return true;
}

static bool take_code_point(struct splitter *s, int count)
{
	uint32_t code;

	if (!take_number(s, 16, count, &code) || code == 0 || code > 0x10ffff ||
		(code >= 0xd800 && code <= 0xdfff))
		return false;
	s->out += text_encode(code, s->out);
	return true;
}

/* What follows a backslash. */
static bool take_escape(struct splitter *s)
{
	static const char from[] = "abfnrtv\\\"'s", to[] = "\a\b\f\n\r\t\v\\\"' ";
	const char c = *s->next;
	const char *known = c ? strchr(from, c) : NULL;

	if (known) {
		*s->out++ = to[known - from];
		s->next++;
		return true;
	}
	if (c >= '0' && c <= '7')
		return take_byte(s, 8, 3);
	if (c != 'x' && c != 'u' && c != 'U')
		return false;
	s->next++;
	if (c == 'x')
		return take_byte(s, 16, 2);
	return take_code_point(s, c == 'u' ? 4 : 8);
}

/* ---- arguments ---- */

static bool take_character(struct splitter *s)
{
	if (*s->next != '\\') {
		*s->out++ = *s->next++;
		return true;
	}
	s->next++;
	if (take_escape(s))
		return true;
	s->wrong = "has an unknown escape after a backslash";
	return false;
}

static bool take_quoted(struct splitter *s)
{
	const char quote = *s->next++;

	while (*s->next != quote) {
		if (*s->next == '\0') {
			s->wrong = "has a quote that is not closed";
			return false;
		}
		if (!take_character(s))
			return false;
	}
	s->next++;
	if (*s->next == '\0' || strchr(BLANKS, *s->next))
		return true;
	s->wrong = "has text directly behind a closing quote";
	return false;
}

static bool take_word(struct splitter *s)
{
	while (*s->next != '\0' && !strchr(BLANKS, *s->next)) {
		if (*s->next == '"' || *s->next == '\'') {
			s->wrong = "has a quote inside a word";
			return false;
		}
		if (!take_character(s))
			return false;
	}
	return true;
}

static bool take_argument(struct splitter *s)
{
	bool quoted = *s->next == '"' || *s->next == '\'';

	if (!(quoted ? take_quoted(s) : take_word(s)))
		return false;
	*s->out++ = '\0';
	return true;
}

/* Arguments are separated by at least one blank. */
static size_t most_arguments(const char *line)
{
	return strlen(line) / 2 + 1;
}

status command_line_split(const char *line, char ***argv)
{
	const size_t most = most_arguments(line);
	char **arguments = calloc(1, (most + 1) * sizeof(*arguments) + strlen(line) + 1);
	struct splitter s = {.next = line + strspn(line, BLANKS)};
	size_t count = 0;

	*argv = NULL;
	if (!arguments)
		return status_no_memory();
	s.out = (char *)&arguments[most + 1];
	while (*s.next != '\0' && !s.wrong) {
		arguments[count++] = s.out;
		if (take_argument(&s))
			s.next += strspn(s.next, BLANKS);
	}
	if (!s.wrong && (count == 0 || arguments[0][0] != '/'))
		s.wrong = "does not begin with the absolute path of a program";
	if (s.wrong) {
		free(arguments);
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"the command \"%s\" %s", line, s.wrong);
	}
	*argv = arguments;
	return STATUS_OK;
}

void command_line_free(char **argv)
{
	free(argv);
}
