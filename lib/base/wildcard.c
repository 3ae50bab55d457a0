/* Matching never goes back behind the last `*`: linear in practice, quadratic at worst.
 */
#include "base/wildcard.h"

#include <stdint.h>
#include <stdlib.h>
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

/* ---- two patterns ---- */

/* The end of what stands for one character at P, which is no `*` and not the end. */
static const char *element_end(const char *p)
{
	bool matches;
	const char *end = *p == '[' ? match_bracket(p, 0, &matches) : NULL;
	uint32_t code;

	if (*p == '?')
		return p + 1;
	return end ? end : pattern_character(p, &code);
}

static bool both_match(const char *a, const char *b, uint32_t code)
{
	return match_one(a, code) && match_one(b, code);
}

/* The lowest character that both match is the lowest of all, or one that is written in
 * either element, or the one behind such a one. */
static bool elements_share(const char *a, const char *b)
{
	const char *const elements[] = {a, b};

	if (both_match(a, b, 1))
		return true;
	for (size_t i = 0; i < 2; i++) {
		const char *end = element_end(elements[i]);
		uint32_t code;

		for (const char *p = elements[i]; p < end;) {
			p += next_character(p, &code);
			if (both_match(a, b, code) || both_match(a, b, code + 1))
				return true;
		}
	}
	return false;
}

static bool begins_with_dot(const char *pattern)
{
	return *pattern == '.' || strncmp(pattern, "\\.", 2) == 0;
}

/* Which pairs of places in A and B some beginning of a name leads to. */
struct pairs {
	const char *a, *b;
	size_t width; /* of a row, of which there is one for each place in A */
	bool *reached;
};

static void reach(struct pairs *pairs, const char *a, const char *b)
{
	pairs->reached[(size_t)(a - pairs->a) * pairs->width + (size_t)(b - pairs->b)] =
		true;
}

/* From one pair to the next ones, all of which lie behind it. */
static void go_on(struct pairs *pairs, const char *a, const char *b)
{
	if (*a == '*')
		reach(pairs, a + 1, b);
	if (*b == '*')
		reach(pairs, a, b + 1);
	if (!*a || !*b || (*a == '*' && *b == '*'))
		return;
	if (*a == '*')
		reach(pairs, a, element_end(b));
	else if (*b == '*')
		reach(pairs, element_end(a), b);
	else if (elements_share(a, b))
		reach(pairs, element_end(a), element_end(b));
}

status wildcard_overlap(const char *a, const char *b, bool *overlap)
{
	size_t rows = strlen(a) + 1, width = strlen(b) + 1;
	struct pairs pairs = {.a = a, .b = b, .width = width};

	*overlap = false;
	if (begins_with_dot(a) != begins_with_dot(b))
		return STATUS_OK;
	pairs.reached = calloc(rows, width);
	if (!pairs.reached)
		return status_no_memory();
	pairs.reached[0] = true;
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < width; j++)
			if (pairs.reached[i * width + j])
				go_on(&pairs, a + i, b + j);
	*overlap = pairs.reached[rows * width - 1];
	free(pairs.reached);
	return STATUS_OK;
}
