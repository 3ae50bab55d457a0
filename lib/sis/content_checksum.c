#include "sis/content_checksum.h"

#include "sis/words.h"

static uint64_t add_word(uint64_t hash, const uint8_t *word)
{
	return hash * WORDS_P1 + words_load(word);
}

/* Four words at a time, so that the multiplications overlap. */
static uint64_t add_four(uint64_t hash, const uint8_t *words)
{
	return hash * WORDS_P4 + words_load(words) * (WORDS_P2 * WORDS_P1) +
	       words_load(words + 4) * WORDS_P2 + words_load(words + 8) * WORDS_P1 +
	       words_load(words + 12);
}

void content_checksum_add(struct content_checksum *c, const void *data, size_t size)
{
	const uint8_t *next = data;
	uint64_t hash;

	while (c->pending_size && size) {
		c->pending[c->pending_size++] = *next++;
		size--;
		if (c->pending_size == 4) {
			c->hash = add_word(c->hash, c->pending);
			c->pending_size = 0;
		}
	}
	hash = c->hash;
	for (; size >= 16; next += 16, size -= 16)
		hash = add_four(hash, next);
	for (; size >= 4; next += 4, size -= 4)
		hash = add_word(hash, next);
	c->hash = hash;
	for (; size; size--)
		c->pending[c->pending_size++] = *next++;
}

static uint64_t power(uint64_t exponent)
{
	uint64_t result = 1, square = WORDS_P1;

	for (; exponent; exponent >>= 1, square *= square)
		if (exponent & 1)
			result *= square;
	return result;
}

/* A word of zeros only multiplies. */
void content_checksum_add_zeros(struct content_checksum *c, uint64_t count)
{
	static const uint8_t zeros[4];
	const uint64_t first = (4 - c->pending_size) % 4;

	if (count < first) {
		content_checksum_add(c, zeros, (size_t)count);
		return;
	}
	content_checksum_add(c, zeros, (size_t)first);
	count -= first;
	c->hash *= power(count / 4);
	content_checksum_add(c, zeros, (size_t)(count % 4));
}

uint64_t content_checksum_end(const struct content_checksum *c)
{
	uint8_t last[4] = {0};

	if (!c->pending_size)
		return c->hash;
	memcpy(last, c->pending, c->pending_size);
	return add_word(c->hash, last);
}
