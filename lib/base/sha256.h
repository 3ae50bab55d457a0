/*
 * sha256.h - SHA-256 (FIPS 180-4), fed in pieces
 *
 * Of its own because the library links nothing but libuuid.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

/* All in one. */
void sha256_bytes(const void *data, size_t size, uint8_t digest[SHA256_SIZE]);

#endif
