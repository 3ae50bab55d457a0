/*
 * ese_sum.h - the one pass of ese_checksum.c, once for each kind of machine
 *
 * Included with SUM (the function's name), VECTOR (a GNU vector type of 32-bit words),
 * SUM_LANES (the vector 0, 1, 2, ...) and SUM_TARGET (function attributes) defined; no other
 * file is to include it.
 *
 * Bit k of `rows` is the parity of all words whose number has bit k set. So the words are
 * added up (by XOR) as the leaves of a binary tree: at level k, what comes from the right
 * is also added to right[k]. That needs two operations a vector, and no word's parity;
 * the parities of the levels' sums are all that is left to find at the end.
 */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b)  JOIN_(a, b)
#define NAME(part)  JOIN(SUM, part)
#define PART        SUM_TARGET __attribute__((always_inline)) static inline

enum {
	NAME(LANES) = sizeof(VECTOR) / 4,
};

/* 64 vectors are straight code; the three levels above them are added to in a loop. */
struct NAME(right) {
	VECTOR r0, r1, r2, r3, r4, r5, r6, r7, r8;
};

PART VECTOR NAME(load)(const uint8_t *p)
{
	VECTOR v;

	memcpy(&v, p, sizeof(v));
	return v;
}

PART VECTOR NAME(of_8)(const uint8_t *p, struct NAME(right) * right)
{
	const size_t step = sizeof(VECTOR);
	const VECTOR v1 = NAME(load)(p + step), v3 = NAME(load)(p + 3 * step);
	const VECTOR v5 = NAME(load)(p + 5 * step), v7 = NAME(load)(p + 7 * step);
	const VECTOR sum01 = NAME(load)(p) ^ v1, sum23 = NAME(load)(p + 2 * step) ^ v3;
	const VECTOR sum45 = NAME(load)(p + 4 * step) ^ v5;
	const VECTOR sum67 = NAME(load)(p + 6 * step) ^ v7, sum4567 = sum45 ^ sum67;

	right->r0 ^= (v1 ^ v3) ^ (v5 ^ v7);
	right->r1 ^= sum23 ^ sum67;
	right->r2 ^= sum4567;
	return (sum01 ^ sum23) ^ sum4567;
}

PART VECTOR NAME(of_16)(const uint8_t *p, struct NAME(right) * right)
{
	const VECTOR a = NAME(of_8)(p, right);
	const VECTOR b = NAME(of_8)(p + 8 * sizeof(VECTOR), right);

	right->r3 ^= b;
	return a ^ b;
}

PART VECTOR NAME(of_32)(const uint8_t *p, struct NAME(right) * right)
{
	const VECTOR a = NAME(of_16)(p, right);
	const VECTOR b = NAME(of_16)(p + 16 * sizeof(VECTOR), right);

	right->r4 ^= b;
	return a ^ b;
}

PART VECTOR NAME(of_64)(const uint8_t *p, struct NAME(right) * right)
{
	const VECTOR a = NAME(of_32)(p, right);
	const VECTOR b = NAME(of_32)(p + 32 * sizeof(VECTOR), right);

	right->r5 ^= b;
	return a ^ b;
}

/* The XOR of a vector's words, two at a time: enough for a parity. */
PART uint64_t NAME(fold)(VECTOR v)
{
	uint64_t pairs[sizeof(VECTOR) / 8];

	memcpy(pairs, &v, sizeof(v));
	for (size_t i = 1; i < sizeof(VECTOR) / 8; i++)
		pairs[0] ^= pairs[i];
	return pairs[0];
}

PART uint32_t NAME(parity)(VECTOR v)
{
	return parity(NAME(fold)(v));
}

/* What TOTAL, the sum of all vectors, adds: a word's number is its vector's, then its
 * lane's. */
PART uint32_t NAME(rows_of_lanes)(VECTOR total)
{
	const VECTOR lanes = SUM_LANES;
	uint32_t rows = 0;

	for (unsigned k = 0; 1u << k < NAME(LANES); k++)
		rows |= NAME(parity)(total & -(lanes >> k & 1)) << k;
	return rows;
}

PART uint32_t NAME(rows_of_levels)(const struct NAME(right) * right)
{
	return NAME(parity)(right->r0) | NAME(parity)(right->r1) << 1 |
	       NAME(parity)(right->r2) << 2 | NAME(parity)(right->r3) << 3 |
	       NAME(parity)(right->r4) << 4 | NAME(parity)(right->r5) << 5 |
	       NAME(parity)(right->r6) << 6 | NAME(parity)(right->r7) << 7 |
	       NAME(parity)(right->r8) << 8;
}

SUM_TARGET static void SUM(const uint8_t *data, size_t size, struct ese_sums *sums)
{
	const uint32_t steps = (uint32_t)(size / (64 * sizeof(VECTOR)));
	struct NAME(right) right = {.r0 = {0}};
	VECTOR total = {0};
	uint64_t columns;

	for (uint32_t i = 0; i < steps; i++) {
		const VECTOR sum = NAME(of_64)(data, &right);

		total ^= sum;
		right.r6 ^= sum & -(i & 1);
		right.r7 ^= sum & -(i >> 1 & 1);
		right.r8 ^= sum & -(i >> 2 & 1);
		data += 64 * sizeof(VECTOR);
	}
	columns = NAME(fold)(total);
	*sums = (struct ese_sums){
		.columns = le32toh((uint32_t)(columns ^ columns >> 32)),
		.rows = NAME(rows_of_levels)(&right) * (uint32_t)NAME(LANES) |
			NAME(rows_of_lanes)(total),
	};
}

#undef PART
#undef NAME
#undef JOIN
#undef JOIN_
