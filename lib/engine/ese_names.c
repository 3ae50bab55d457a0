#include "engine/ese_names.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* All digits, or false. */
static bool parse_digits(const char *digits, size_t count, uint32_t *value)
{
	*value = 0;
	for (size_t i = 0; i < count; i++) {
		const int digit = text_digit_value(digits[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

static void set_kind(struct ese_name *name, enum ese_name_kind kind, const char *stem)
{
	name->kind = kind;
	memcpy(name->base, stem, ESE_BASE_LENGTH);
}

static bool stem_is(const char *stem, size_t length, const char *wanted)
{
	if (length != strlen(wanted))
		return false;
	for (size_t i = 0; i < length; i++)
		if (text_fold(stem[i]) != wanted[i])
			return false;
	return true;
}

static void parse_log(const char *stem, size_t length, struct ese_name *name)
{
	const size_t rest = length - ESE_BASE_LENGTH;
	const char *after = stem + ESE_BASE_LENGTH;
	uint32_t generation;

	if (stem_is(stem, length, "res1") || stem_is(stem, length, "res2"))
		name->kind = ESE_NAME_RESERVE_LOG;
	else if (rest == 0)
		set_kind(name, ESE_NAME_CURRENT_LOG, stem);
	else if (stem_is(after, rest, "tmp"))
		set_kind(name, ESE_NAME_TEMPORARY_LOG, stem);
	else if ((rest == 5 || rest == 8) && parse_digits(after, rest, &generation) &&
		 generation >= 1 && generation <= INT32_MAX) {
		set_kind(name, ESE_NAME_LOG, stem);
		name->generation = generation;
		name->digits = (unsigned)rest;
	}
}

struct ese_name ese_name_parse(const char *name)
{
	const char *dot = strrchr(name, '.');
	const size_t length = dot ? (size_t)(dot - name) : 0;
	struct ese_name parsed = {.kind = ESE_NAME_OTHER};

	if (length < ESE_BASE_LENGTH)
		return parsed;
	if (text_compare_nocase(dot, ".log") == 0 ||
		text_compare_nocase(dot, ".jtx") == 0)
		parse_log(name, length, &parsed);
	else if (text_compare_nocase(dot, ".jrs") == 0)
		set_kind(&parsed, ESE_NAME_RESERVE_LOG, name);
	else if (length == ESE_BASE_LENGTH &&
		 (text_compare_nocase(dot, ".chk") == 0 ||
			 text_compare_nocase(dot, ".jcp") == 0))
		set_kind(&parsed, ESE_NAME_CHECKPOINT, name);
	return parsed;
}

bool ese_name_has_base(const struct ese_name *name, const char *base)
{
	if (name->kind == ESE_NAME_OTHER)
		return false;
	return !*name->base || text_compare_nocase(name->base, base) == 0;
}

char *ese_log_name(const char *base, uint32_t generation, const char *extension)
{
	char *name = NULL;

	if (asprintf(&name, generation > 0xfffff ? "%s%08X%s" : "%s%05X%s", base,
		    (unsigned)generation, extension) < 0)
		return NULL;
	return name;
}
