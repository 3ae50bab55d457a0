/*
 * sum_record.h - <guid>.sum: what is recorded of a store file's content
 *
 * Depends on nothing but a hash, so that programs can compile it in.
 */
#ifndef SIS_SUM_RECORD_H
#define SIS_SUM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_sum {
	uint64_t size;
	uint8_t sha256[32];
	uint64_t content_checksum; /* as in reparse data */
};

#define SUM_RECORD_SIZE 64u

void sum_record_encode(const struct store_sum *sum, uint8_t record[SUM_RECORD_SIZE]);

/* False: the SIZE bytes DATA are no whole record, or damaged. */
bool sum_record_decode(const void *data, size_t size, struct store_sum *sum);

#endif
