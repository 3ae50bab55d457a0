/*
 * Magic, size, content checksum, SHA-256, and a hash over all of it, numbers
 * little-endian.
 */
#include "sis/sum_record.h"

#include <string.h>

#include "base/hash.h"
#include "sis/words.h"

#define MAGIC "BKSUM 1\n"

enum {
	MAGIC_SIZE = sizeof(MAGIC) - 1,
	SIZE_AT = MAGIC_SIZE,
	CHECKSUM_AT = SIZE_AT + 8,
	SHA256_AT = CHECKSUM_AT + 8,
	HASH_AT = SHA256_AT + sizeof((struct store_sum){0}.sha256),
};

_Static_assert(HASH_AT + 8 == SUM_RECORD_SIZE, "all of it");

void sum_record_encode(const struct store_sum *sum, uint8_t record[SUM_RECORD_SIZE])
{
	memcpy(record, MAGIC, MAGIC_SIZE);
	words_store_u64(record + SIZE_AT, sum->size);
	words_store_u64(record + CHECKSUM_AT, sum->content_checksum);
	memcpy(record + SHA256_AT, sum->sha256, sizeof(sum->sha256));
	words_store_u64(record + HASH_AT, hash_bytes(record, HASH_AT));
}

bool sum_record_decode(const void *data, size_t size, struct store_sum *sum)
{
	const uint8_t *record = data;

	if (size != SUM_RECORD_SIZE || memcmp(record, MAGIC, MAGIC_SIZE) != 0 ||
		words_load_u64(record + HASH_AT) != hash_bytes(record, HASH_AT))
		return false;
	sum->size = words_load_u64(record + SIZE_AT);
	sum->content_checksum = words_load_u64(record + CHECKSUM_AT);
	memcpy(sum->sha256, record + SHA256_AT, sizeof(sum->sha256));
	return true;
}
