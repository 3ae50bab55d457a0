/* Pages of more than 8 KiB are four blocks, each with a checksum of its own: the first
 * one's covers the other three. */
#include "engine/ese_page.h"

#include <inttypes.h>

#include "engine/ese_checksum.h"

#define BLOCK_MAX     8192u
#define BLOCKS        4u
#define CHECKSUM_SIZE 8u
#define FLAG_ECC      0x2000u
#define FLAG_BIT      301u /* the same flag, counted as the code counts bits */

enum {
	AT_CHECKSUM = 0,
	AT_NUMBER = 4, /* of an old page */
	AT_FLAGS = 36,
	AT_CHECKSUMS = 40, /* of blocks 1 to 3 */
	AT_OWN_NUMBER = 64,
};

bool ese_page_size_valid(uint32_t page_size)
{
	return page_size >= ESE_PAGE_MIN && page_size <= ESE_PAGE_MAX &&
	       (page_size & (page_size - 1)) == 0;
}

static bool one_bit(uint32_t word)
{
	return word && !(word & (word - 1));
}

/* ---- old pages ---- */

static void check_xor(const uint8_t *data, uint32_t page_size, struct ese_page *page)
{
	page->rule = ESE_RULE_XOR;
	page->belongs = ese_u32(data + AT_NUMBER);
	if (ese_u32(data + AT_CHECKSUM) != ese_xor_checksum(data, page_size))
		page->verdict = ESE_PAGE_DAMAGED;
	else if (page->belongs != page->number)
		page->verdict = ESE_PAGE_MISPLACED;
}

/* ---- pages with an error-correcting code ---- */

/* Stored and computed checksum of each block, as their difference. */
struct blocks {
	unsigned count;
	uint32_t size;
	uint64_t differences[BLOCKS];
	unsigned wrong; /* that differ */
	unsigned last_wrong;
};

/* The difference that one wrong bit makes: in the data, or in the half of the checksum that
 * is the code. (In its other half it looks like the number of another page.) */
static bool locate_in_block(
	uint64_t difference, uint32_t size, bool header, uint32_t *bit)
{
	const uint32_t code = (uint32_t)(difference >> 32), sum = (uint32_t)difference;

	if (ese_single_bit(difference, 0, size, bit))
		return !header || (*bit >= 8 * CHECKSUM_SIZE && *bit != FLAG_BIT);
	if (!header || sum || !one_bit(code))
		return false;
	*bit = 32 + (uint32_t)__builtin_ctz(code);
	return true;
}

/* The checksum of block I; one wrong bit in it, which the first block locates, is not taken
 * for damage of that block too. */
static uint64_t stored_checksum(
	const uint8_t *data, const struct blocks *blocks, unsigned i)
{
	const uint32_t at = i ? AT_CHECKSUMS + 8 * (i - 1) : AT_CHECKSUM;
	uint64_t stored = ese_u64(data + at);
	uint32_t bit;

	if (i && locate_in_block(blocks->differences[0], blocks->size, true, &bit) &&
		bit / 64 == at / 8)
		stored ^= UINT64_C(1) << bit % 64;
	return stored;
}

static struct blocks sum_blocks(const uint8_t *data, uint32_t page_size, uint32_t number)
{
	const unsigned count = page_size > BLOCK_MAX ? BLOCKS : 1;
	struct blocks blocks = {.count = count, .size = page_size / count};

	for (unsigned i = 0; i < count; i++) {
		blocks.differences[i] = stored_checksum(data, &blocks, i) ^
					ese_checksum(data + (size_t)i * blocks.size,
						blocks.size, number, i == 0);
		if (blocks.differences[i]) {
			blocks.wrong++;
			blocks.last_wrong = i;
		}
	}
	return blocks;
}

/* The number of a page enters all its sums alike, and no code. */
static bool is_of_another_place(
	const uint8_t *data, const struct blocks *blocks, struct ese_page *page)
{
	const uint64_t difference = blocks->differences[0];

	if (difference >> 32)
		return false;
	for (unsigned i = 1; i < blocks->count; i++)
		if (blocks->differences[i] != difference)
			return false;
	page->belongs = page->number ^ (uint32_t)difference;
	if (blocks->count > 1)
		return ese_u32(data + AT_OWN_NUMBER) == page->belongs;
	page->doubtful = true;
	return true;
}

static void locate(const struct blocks *blocks, struct ese_page *page)
{
	const unsigned i = blocks->last_wrong;
	const uint64_t difference = blocks->differences[i];

	if (blocks->wrong != 1)
		return;
	page->single_bit = locate_in_block(difference, blocks->size, i == 0, &page->bit);
	/* With three good blocks it is no other page's sum. */
	if (i == 0 && difference >> 32 == 0 && one_bit((uint32_t)difference)) {
		page->single_bit = true;
		page->bit = (uint32_t)__builtin_ctz((uint32_t)difference);
	}
	page->bit += i * blocks->size * 8;
}

static void check_ecc(const uint8_t *data, uint32_t page_size, struct ese_page *page)
{
	const struct blocks blocks = sum_blocks(data, page_size, page->number);

	page->rule = ESE_RULE_ECC;
	if (!blocks.wrong) {
		page->belongs =
			blocks.count > 1 ? ese_u32(data + AT_OWN_NUMBER) : page->number;
		if (page->belongs != page->number)
			page->verdict = ESE_PAGE_MISPLACED;
	} else if (is_of_another_place(data, &blocks, page)) {
		page->verdict = ESE_PAGE_MISPLACED;
	} else {
		page->verdict = ESE_PAGE_DAMAGED;
		locate(&blocks, page);
	}
}

/* ---- all ---- */

struct ese_page ese_page_check(const uint8_t *data, uint32_t page_size, uint32_t number)
{
	struct ese_page page = {.verdict = ESE_PAGE_GOOD, .number = number};

	if (ese_u64(data) == 0 && ese_all_zero(data, page_size))
		page.verdict = ESE_PAGE_UNUSED;
	else if (ese_u32(data + AT_FLAGS) & FLAG_ECC)
		check_ecc(data, page_size, &page);
	else
		check_xor(data, page_size, &page);
	if (page.verdict != ESE_PAGE_MISPLACED)
		page.belongs = number;
	if (!page.single_bit)
		page.bit = 0;
	return page;
}

void ese_page_judge(struct ese_page *page, uint64_t last)
{
	const uint32_t difference = page->number ^ page->belongs;

	if (!page->doubtful || (page->belongs > 0 && page->belongs <= last))
		return;
	page->verdict = ESE_PAGE_DAMAGED;
	page->single_bit = one_bit(difference);
	page->bit = page->single_bit ? (uint32_t)__builtin_ctz(difference) : 0;
	page->belongs = page->number;
	page->doubtful = false;
}

struct ese_page ese_page_check_trailer(
	const uint8_t *data, uint32_t page_size, uint32_t number)
{
	const bool good = ese_u32(data) == ese_xor_checksum(data, page_size);

	return (struct ese_page){
		.verdict = good ? ESE_PAGE_GOOD : ESE_PAGE_DAMAGED,
		.rule = ESE_RULE_XOR,
		.number = number,
		.belongs = number,
	};
}

status ese_page_status(const struct ese_page *page, uint32_t page_size, const char *path)
{
	const uint64_t offset = ese_page_offset(page->number, page_size);

	if (page->verdict == ESE_PAGE_MISPLACED)
		return status_fail(ESE_WRONG_PAGE,
			"%s: page %" PRIu32 " at offset %" PRIu64
			": this is page %" PRIu32 ", in the wrong place%s",
			path, page->number, offset, page->belongs,
			page->doubtful ? ", or its checksum is damaged" : "");
	if (page->verdict != ESE_PAGE_DAMAGED)
		return STATUS_OK;
	if (page->single_bit)
		return status_fail(hrReadVerifyFailure,
			"%s: page %" PRIu32 " at offset %" PRIu64
			": its checksum is wrong, as it is when one bit is: bit %u of "
			"byte %" PRIu32,
			path, page->number, offset, (unsigned)(page->bit % 8),
			page->bit / 8);
	return status_fail(hrReadVerifyFailure,
		"%s: page %" PRIu32 " at offset %" PRIu64 ": its checksum is wrong", path,
		page->number, offset);
}
