/*
 * ese_checksum.h - the checksums of pages, headers and log segments
 *
 * Headers and old pages have one XOR over their 32-bit words. Newer pages and log segments
 * also have an error-correcting code: the XOR of the numbers of all set bits, and of its
 * complement's, which together tell where a single wrong bit is. Both come from two sums
 * that one pass over the memory gives.
 */
#ifndef ENGINE_ESE_CHECKSUM_H
#define ENGINE_ESE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ese_sums {
	uint32_t columns; /* XOR of all 32-bit words */
	uint32_t rows;    /* XOR of the numbers of those words that have odd parity */
};

/* DATA need not be aligned. SIZE is 2048, 4096 or 8192: larger pages are several blocks. */
struct ese_sums ese_sum(const uint8_t *data, size_t size);

/* The same with what every machine has; for comparing. */
struct ese_sums ese_sum_portable(const uint8_t *data, size_t size);

/* The 64-bit checksum of a block: the code in the high half, the XOR in the low one. NUMBER
 * is the page's, or the segment's. HEADER: the block begins with its own checksum, which
 * counts as zero. */
uint64_t ese_checksum(const uint8_t *block, size_t size, uint32_t number, bool header);

/* The 32-bit checksum of a header or an old page, which has it in its first word. SIZE is
 * any page's. */
uint32_t ese_xor_checksum(const uint8_t *data, size_t size);

/* Do the two checksums of a block of SIZE bytes differ as they do when one bit of the block
 * is wrong? *BIT: its number in the block. */
bool ese_single_bit(uint64_t stored, uint64_t computed, size_t size, uint32_t *bit);

#endif
