/*
 * digest.h - SHA-256 beside the reading and writing
 *
 * A digest lends out buffers and hashes them in a thread of its own, in the order in
 * which they come back, while the caller reads or writes the next one. Where no thread
 * can be had, it hashes in between.
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>

#define DIGEST_CHUNK (1u << 20) /* size of a buffer */
#define DIGEST_SIZE  65         /* 64 digits and a NUL */

struct digest;

struct digest *digest_new(void);

/* A buffer that nobody uses, for the caller to fill. */
void *digest_buffer(struct digest *d);

/* Hashes the first SIZE bytes of the buffer that digest_buffer gave last; the caller may
 * go on reading it (not changing it) until it asks for the next. */
void digest_add(struct digest *d, size_t size);

/* What came since the last call, in hexadecimal; ready for the next file. */
void digest_finish(struct digest *d, char hex[DIGEST_SIZE]);

void digest_free(struct digest *d); /* NULL is fine */

#endif
