/* Matching never goes back behind the last `*`: linear in practice, quadratic at worst.
 */
#include "engine/wildcard.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

bool wildcard_present(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* A byte that is no part of a UTF-8 character gets a code that none has. */
static size_t next_character(const char *s, uint32_t *code)
{
	size_t length = text_decode(s, code);

	if (length)
		return length;
	*code = 0x80000000u | (unsigned char)*s;
	return 1;
}

static const char *pattern_character(const char *p, uint32_t *code)
{
	if (*p == '\\' && p[1])
		p++;
	return p + next_character(p, code);
}

/* The end of the bracket expression at P (its `[`), NULL where it is not closed and the
 * `[` stands for itself; *MATCHES tells whether CODE is in it. */
static const char *match_bracket(const char *p, uint32_t code, bool *matches)
{
	bool negated = false, found = false, first = true;

	p++;
	if (*p == '!' || *p == '^') {
		negated = true;
		p++;
	}
	for (; *p && (first || *p != ']'); first = false) {
		uint32_t low, high;

		p = pattern_character(p, &low);
		high = low;
		if (*p == '-' && p[1] && p[1] != ']')
			p = pattern_character(p + 1, &high);
		found |= low <= code && code <= high;
	}
	*matches = found != negated;
	return *p ? p + 1 : NULL;
}

/* Matches one character of the pattern at P, which is no `*`, against CODE; returns what
 * follows it in the pattern, or NULL. */
static const char *match_one(const char *p, uint32_t code)
{
	uint32_t wanted;
	const char *end;
	bool matches;

	if (!*p)
		return NULL;
	if (*p == '?')
		return p + 1;
	if (*p == '[') {
		end = match_bracket(p, code, &matches);
		if (end)
			return matches ? end : NULL;
	}
	p = pattern_character(p, &wanted);
	return wanted == code ? p : NULL;
}

bool wildcard_match(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL;

	if (*name == '.' && *pattern != '.' && strncmp(pattern, "\\.", 2) != 0)
		return false;
	while (*name) {
		const char *rest;
		uint32_t code;
		size_t length;

		if (*pattern == '*') {
			star = ++pattern;
			resume = name;
			continue;
		}
		length = next_character(name, &code);
		rest = match_one(pattern, code);
		if (rest) {
			pattern = rest;
			name += length;
		} else if (star) {
			pattern = star;
			resume += next_character(resume, &code);
			name = resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
