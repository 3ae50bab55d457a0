/*
 * words.h - little-endian numbers, and the hash h = h * 131 + word over 32-bit ones
 */
#ifndef SIS_WORDS_H
#define SIS_WORDS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Powers of the factor, modulo 2^64. */
#define WORDS_P1 UINT64_C(131)
#define WORDS_P2 (WORDS_P1 * WORDS_P1)
#define WORDS_P4 (WORDS_P2 * WORDS_P2)
#define WORDS_P8 (WORDS_P4 * WORDS_P4)

static inline uint32_t words_load(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static inline uint64_t words_load_u64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

static inline void words_store_u64(uint8_t *p, uint64_t value)
{
	value = htole64(value);
	memcpy(p, &value, sizeof(value));
}

#endif
