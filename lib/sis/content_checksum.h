/*
 * content_checksum.h - the checksum of a store file's content, as its links have it
 *
 * The hash of words.h over the whole content, fed in pieces of any size; the last word is
 * padded with zero bytes. Depends on nothing, so that programs can compile it in.
 */
#ifndef SIS_CONTENT_CHECKSUM_H
#define SIS_CONTENT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* All zero is its beginning. */
struct content_checksum {
	uint64_t hash;
	uint8_t pending[4];
	unsigned pending_size;
};

void content_checksum_add(struct content_checksum *c, const void *data, size_t size);

/* A hole: as many bytes of zero, however many, in no time. */
void content_checksum_add_zeros(struct content_checksum *c, uint64_t count);

uint64_t content_checksum_end(const struct content_checksum *c);

#endif
