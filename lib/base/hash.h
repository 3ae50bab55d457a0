/*
 * hash.h - FNV-1a, 64 bits: a check against damage, not against forgery
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size);

#endif
