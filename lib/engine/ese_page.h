/*
 * ese_page.h - is this page of a database what was written?
 */
#ifndef ENGINE_ESE_PAGE_H
#define ENGINE_ESE_PAGE_H

#include "engine/ese_format.h"

enum ese_page_verdict {
	ESE_PAGE_GOOD,
	ESE_PAGE_UNUSED, /* every byte is zero */
	ESE_PAGE_DAMAGED,
	ESE_PAGE_MISPLACED, /* undamaged, but of another place */
};

enum ese_page_rule {
	ESE_RULE_XOR, /* of old pages */
	ESE_RULE_ECC,
};

struct ese_page {
	enum ese_page_verdict verdict;
	enum ese_page_rule rule; /* of the page; nothing for an unused one */
	uint32_t number;         /* as asked for */
	uint32_t belongs;        /* ESE_PAGE_MISPLACED: the number it was written for */
	bool doubtful; /* so says half of its checksum alone, which may be damaged itself */
	/* ESE_PAGE_DAMAGED: one bit is wrong, number BIT of the page (8 * byte + bit). It is
	 * reported, never repaired: what looks like one wrong bit may be many. */
	bool single_bit;
	uint32_t bit;
};

/* Where page NUMBER begins: the two copies of the header come before page 1. */
static inline uint64_t ese_page_offset(uint32_t number, uint32_t page_size)
{
	return ((uint64_t)number + 1) * page_size;
}

bool ese_page_size_valid(uint32_t page_size);

/* DATA is a whole page of PAGE_SIZE (valid) bytes. */
struct ese_page ese_page_check(const uint8_t *data, uint32_t page_size, uint32_t number);

/* PAGE is one of a file whose last page has the number LAST: what cannot come from another
 * place in it is damage. */
void ese_page_judge(struct ese_page *page, uint64_t last);

/* The same as ese_page_check for the last page of a copy that the engine's own backup
 * streamed: the page that it appends, which is no page of the database. */
struct ese_page ese_page_check_trailer(
	const uint8_t *data, uint32_t page_size, uint32_t number);

/* STATUS_OK for a good or unused page; else hrReadVerifyFailure or ESE_WRONG_PAGE, naming
 * file, page, offset and what is wrong. */
status ese_page_status(const struct ese_page *page, uint32_t page_size, const char *path);

#endif
