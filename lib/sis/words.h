/*
 * words.h - 32-bit little-endian words, and the hash h = h * 131 + word over them
 */
#ifndef SIS_WORDS_H
#define SIS_WORDS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define WORDS_FACTOR UINT64_C(131)

static inline uint32_t words_load(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

#endif
