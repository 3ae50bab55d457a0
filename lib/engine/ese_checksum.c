/* Compilers make the GNU vector operations SSE2, NEON or plain instructions, whatever the
 * machine has; AVX2 is asked for at run time. */
#include "engine/ese_checksum.h"

#include <endian.h>
#include <string.h>

#include "engine/ese_format.h"

typedef uint32_t words4 __attribute__((vector_size(16)));
static const words4 lanes4 = {0, 1, 2, 3};

static inline uint32_t parity(uint64_t bits)
{
	return (uint32_t)__builtin_parityll(bits);
}

#define SUM       sum_128
#define VECTOR    words4
#define SUM_LANES lanes4
#define SUM_TARGET
#include "engine/ese_sum.h"
#undef SUM
#undef VECTOR
#undef SUM_LANES
#undef SUM_TARGET

#if defined(__x86_64__)
#define HAVE_AVX2 1
typedef uint32_t words8 __attribute__((vector_size(32)));
static const words8 lanes8 = {0, 1, 2, 3, 4, 5, 6, 7};
#define SUM        sum_256
#define VECTOR     words8
#define SUM_LANES  lanes8
#define SUM_TARGET __attribute__((target("avx2,popcnt")))
#include "engine/ese_sum.h"
#undef SUM
#undef VECTOR
#undef SUM_LANES
#undef SUM_TARGET
#else
#define HAVE_AVX2 0
#endif

struct ese_sums ese_sum_portable(const uint8_t *data, size_t size)
{
	struct ese_sums sums;

	sum_128(data, size, &sums);
	return sums;
}

struct ese_sums ese_sum(const uint8_t *data, size_t size)
{
#if HAVE_AVX2
	if (__builtin_cpu_supports("avx2")) {
		struct ese_sums sums;

		sum_256(data, size, &sums);
		return sums;
	}
#endif
	return ese_sum_portable(data, size);
}

/* The XOR of the numbers of the set bits. */
static uint32_t bit_numbers(uint32_t bits)
{
	static const uint32_t having[5] = {
		0xaaaaaaaa, 0xcccccccc, 0xf0f0f0f0, 0xff00ff00, 0xffff0000};
	uint32_t numbers = 0;

	for (unsigned k = 0; k < 5; k++)
		numbers |= parity(bits & having[k]) << k;
	return numbers;
}

uint64_t ese_checksum(const uint8_t *block, size_t size, uint32_t number, bool header)
{
	const uint32_t mask = (uint32_t)(8 * size - 1);
	struct ese_sums sums = ese_sum(block, size);
	uint32_t ones, zeros;

	if (header) {
		const uint32_t word0 = ese_u32(block), word1 = ese_u32(block + 4);

		sums.columns ^= word0 ^ word1;
		sums.rows ^= parity(word1);
	}
	ones = sums.rows << 5 | bit_numbers(sums.columns);
	zeros = parity(sums.columns) ? ones ^ mask : ones;
	return (uint64_t)((zeros & mask) << 16 | (ones & mask)) << 32 |
	       (sums.columns ^ number);
}

static inline words4 load(const uint8_t *p)
{
	words4 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint32_t ese_xor_checksum(const uint8_t *data, size_t size)
{
	words4 a = {0}, b = {0}, c = {0}, d = {0};
	uint32_t words[4];

	for (size_t at = 0; at < size; at += 64) {
		a ^= load(data + at);
		b ^= load(data + at + 16);
		c ^= load(data + at + 32);
		d ^= load(data + at + 48);
	}
	a ^= b ^ c ^ d;
	memcpy(words, &a, sizeof(words));
	return ESE_MAGIC ^ ese_u32(data) ^
	       le32toh(words[0] ^ words[1] ^ words[2] ^ words[3]);
}

bool ese_single_bit(uint64_t stored, uint64_t computed, size_t size, uint32_t *bit)
{
	const uint32_t mask = (uint32_t)(8 * size - 1);
	const uint32_t codes = (uint32_t)((stored ^ computed) >> 32);
	const uint32_t sums = (uint32_t)(stored ^ computed);

	*bit = codes & mask;
	if (codes != ((~*bit & mask) << 16 | *bit))
		return false;
	return sums == UINT32_C(1) << (*bit & 31);
}
