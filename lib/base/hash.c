/*
 * FNV-1a's two constants for 64 bits; every byte goes in before the multiplication.
 */
#include "base/hash.h"

#define OFFSET_BASIS UINT64_C(0xcbf29ce484222325)
#define PRIME        UINT64_C(0x100000001b3)

uint64_t hash_bytes(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t hash = OFFSET_BASIS;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * PRIME;
	return hash;
}
