/*
 * widths.h - the same flows through the public functions, for each kind of WCHAR
 *
 * widths_flow.c and widths_sis_flow.c are compiled once for each of the structures below,
 * against the headers as programs see them then. A flow writes down what every call gave,
 * in UTF-8.
 */
#ifndef TESTS_WIDTHS_H
#define TESTS_WIDTHS_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/backupapi.h>

#include "support.h"

struct widths {
	const char *name;
	size_t character; /* sizeof(WCHAR) */
	/* On the only server, which serves and does so again at the end. */
	void (*certsrv)(FILE *out);
	void (*ds)(FILE *out);
	/* Text that is no Unicode, in each parameter in turn. */
	void (*invalid)(FILE *out);
	/* Literals and constants, as the compiler made them. */
	void (*literals)(FILE *out);
};

extern const struct widths widths_wide, widths_utf16, widths_short, widths_winelib;

struct widths_sis {
	const char *name;
	size_t character;
	/* On VOLUME with a link's reparse data. */
	void (*backup)(FILE *out, const char *volume, const void *reparse);
	/* The same; LINK is its path, CONTENT of SIZE the store file's. */
	void (*restore)(FILE *out, const char *volume, const char *link,
		const void *reparse, const void *content, size_t size);
	void (*invalid)(FILE *out);
};

extern const struct widths_sis widths_sis_wide, widths_sis_utf16, widths_sis_short,
	widths_sis_winelib;

#define WIDTHS 4

/* What a flow wrote, while it writes. */
struct notes {
	char *text;
	size_t size;
	FILE *out;
};

static inline FILE *notes_begin(struct notes *notes)
{
	notes->out = open_memstream(&notes->text, &notes->size);
	ck_assert_ptr_nonnull(notes->out);
	return notes->out;
}

static inline void notes_end(struct notes *notes)
{
	ck_assert_int_eq(fclose(notes->out), 0);
}

/* Line by line, for a message that can be read; frees them. */
static inline void notes_check_same(struct notes notes[WIDTHS])
{
	for (size_t i = 1; i < WIDTHS; i++) {
		const char *a = notes[0].text, *b = notes[i].text;

		while (*a || *b) {
			int m = (int)strcspn(a, "\n"), n = (int)strcspn(b, "\n");

			if (m != n || memcmp(a, b, (size_t)m) != 0)
				ck_abort_msg("\"%.*s\", but number %zu: \"%.*s\"", m, a,
					i, n, b);
			a += m + (a[m] == '\n');
			b += n + (b[n] == '\n');
		}
	}
	for (size_t i = 0; i < WIDTHS; i++)
		free(notes[i].text);
}

/* How often PART is in what was noted. */
static inline size_t notes_count(const struct notes *notes, const char *part)
{
	size_t count = 0;

	for (const char *p = notes->text; (p = strstr(p, part)) != NULL; p++)
		count++;
	return count;
}

/* LINES lines, each of a call that failed with ERROR_NO_UNICODE_TRANSLATION, as an
 * HRESULT or plain. */
static inline void notes_check_untranslatable(const struct notes *notes, size_t lines)
{
	ck_assert_uint_eq(notes_count(notes, "\n"), lines);
	ck_assert_uint_eq(
		notes_count(notes, ": 0x80070459 ") + notes_count(notes, ": 0x00000459 "),
		lines);
}

static inline void check_no_blocks(void)
{
	for (uint32_t memory = 0; memory <= BACKUPAPI_MEMORY_NATIVE; memory++) {
		struct backupapi_memory_stats stats;

		ck_assert_int_eq(backupapi_get_memory_stats(memory, &stats), 0);
		ck_assert_uint_eq(stats.live_blocks, 0);
		ck_assert_uint_eq(stats.refused_frees, 0);
	}
}

#endif
