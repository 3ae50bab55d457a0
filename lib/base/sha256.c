/*
 * Names as in the standard's text. The message schedule is kept in a ring of 16 words.
 */
#include "base/sha256.h"

#include <string.h>

#define BLOCK_SIZE  64u
#define LENGTH_SIZE 8u

static const uint32_t constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138,
	0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f,
	0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 24);
	p[1] = (uint8_t)(x >> 16);
	p[2] = (uint8_t)(x >> 8);
	p[3] = (uint8_t)x;
}

/* The schedule's word T, which takes the place of word T - 16. */
static uint32_t next_word(uint32_t w[16], unsigned t)
{
	const uint32_t a = w[(t - 15) & 15], b = w[(t - 2) & 15];

	w[t & 15] += (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[(t - 7) & 15] +
		     (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	return w[t & 15];
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3],
			e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned t = 0; t < 64; t++) {
		const uint32_t word =
			t < 16 ? (w[t] = load(block + 4 * t)) : next_word(w, t);
		const uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
				    ((e & f) ^ (~e & g)) + constants[t] + word;
		const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
				    ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_begin(struct sha256 *hash)
{
	*hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
	const uint8_t *next = data;
	const size_t used = (size_t)(hash->size % BLOCK_SIZE);

	if (size == 0)
		return;
	hash->size += size;
	if (used) {
		const size_t room = BLOCK_SIZE - used;
		const size_t take = size < room ? size : room;

		memcpy(hash->block + used, next, take);
		if (take < room)
			return;
		compress(hash->state, hash->block);
		next += take;
		size -= take;
	}
	for (; size >= BLOCK_SIZE; next += BLOCK_SIZE, size -= BLOCK_SIZE)
		compress(hash->state, next);
	memcpy(hash->block, next, size);
}

void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE])
{
	static const uint8_t padding[BLOCK_SIZE] = {0x80};
	const size_t used = (size_t)(hash->size % BLOCK_SIZE);
	const size_t last = BLOCK_SIZE - LENGTH_SIZE;
	const uint64_t bits = hash->size * 8;
	uint8_t length[LENGTH_SIZE];

	store(length, (uint32_t)(bits >> 32));
	store(length + 4, (uint32_t)bits);
	sha256_add(hash, padding, (used < last ? last : last + BLOCK_SIZE) - used);
	sha256_add(hash, length, sizeof(length));
	for (size_t i = 0; i < 8; i++)
		store(digest + 4 * i, hash->state[i]);
}

void sha256_bytes(const void *data, size_t size, uint8_t digest[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_begin(&hash);
	sha256_add(&hash, data, size);
	sha256_end(&hash, digest);
}
