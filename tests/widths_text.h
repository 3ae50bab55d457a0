/*
 * widths_text.h - text of the kind of WCHAR that a file is compiled for, and notes of what
 * calls gave
 */
#ifndef TESTS_WIDTHS_TEXT_H
#define TESTS_WIDTHS_TEXT_H

#include <backupapi/backupapi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support.h"

#define QUOTED(x)  #x
#define NAME_OF(x) QUOTED(x)

#define CHARACTER  ((enum text_form)sizeof(WCHAR))
#define W(quote)   BACKUPAPI_WIDE(quote)

/* What out parameters hold before a call. */
#define POISON ((void *)(uintptr_t)0x5a5a5a50)

struct kept_block {
	struct kept_block *next;
	max_align_t data[];
};

/* A copy of SIZE bytes that lives as long as the process. */
static inline void *keep(const void *data, size_t size)
{
	static struct kept_block *kept;
	struct kept_block *block = malloc(sizeof(*block) + size);

	ck_assert_ptr_nonnull(block);
	block->next = kept;
	kept = block;
	memcpy(block->data, data, size);
	return block->data;
}

/* Text that is no Unicode. */
static const WCHAR invalid_texts[][6] = {
	{'/', 0xd83d, 0},                   /* half a pair at the end */
	{'/', 0xd83d, 'x', 0},              /* half a pair before something else */
	{'/', 0xde00, 0},                   /* the other half alone */
	{'/', 0xdc7f, 0}, {'/', 0xdd00, 0}, /* beside what stands for bytes */
	{'/', 0xde00, 0xd83d, 0},           /* in the wrong order */
	{'/', 0xd83d, 0xd83d, 0xde00, 0},   /* a pair behind a half */
};

#define INVALID_TEXTS (sizeof(invalid_texts) / sizeof(invalid_texts[0]))

static inline WCHAR *invalid_text(size_t i)
{
	return keep(invalid_texts[i], sizeof(invalid_texts[i]));
}

/* ---- text ---- */

/* Kept, as what utf8() gives. */
static inline WCHAR *wide(const char *text)
{
	size_t size = (text_length(text, CHARACTER) + 1) * CHARACTER;
	void *scratch = malloc(size);
	WCHAR *out;

	ck_assert_ptr_nonnull(scratch);
	(void)text_write(text, CHARACTER, scratch);
	out = keep(scratch, size);
	free(scratch);
	return out;
}

static inline const char *utf8(const WCHAR *text)
{
	char *scratch, *out;

	ck_assert_int_eq(text_read(text, CHARACTER, &scratch), STATUS_OK);
	out = keep(scratch, strlen(scratch) + 1);
	free(scratch);
	return out;
}

/* ---- writing down ---- */

static inline void say(FILE *out, const char *call, int32_t code)
{
	fprintf(out, "%s: 0x%08x", call, (unsigned)code);
	if (code != 0)
		fprintf(out, " (last error 0x%08x)", backupapi_get_last_error());
	fputc('\n', out);
}

#define SAY(out, call) say(out, #call, call)

#endif
