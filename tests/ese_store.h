/*
 * ese_store.h - makes ESE stores: databases, logs and checkpoints that are as they should be
 *
 * Nothing here is shared with lib/engine/ese_*.c: checksums are found bit by bit, as the
 * format defines them. Whatever fails aborts with a message.
 */
#ifndef TESTS_ESE_STORE_H
#define TESTS_ESE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- checksums by definition ---- */

uint64_t ese_store_checksum(
	const uint8_t *block, size_t size, uint32_t number, bool header);
uint32_t ese_store_xor(const uint8_t *data, size_t size);

/* Little-endian, and whatever the alignment. */
void ese_store_put16(uint8_t *p, uint16_t value);
void ese_store_put32(uint8_t *p, uint32_t value);
void ese_store_put64(uint8_t *p, uint64_t value);

/* SIZE bytes that depend on SEED and look random; none is zero. */
void ese_store_fill(uint8_t *data, size_t size, uint32_t seed);

/* A signature, 28 bytes, that depends on RANDOM; all zero for 0. */
void ese_store_signature(uint8_t *p, uint32_t random);

/* A moment, 8 bytes, that depends on NUMBER; all zero for 0. */
void ese_store_time(uint8_t *p, uint32_t number);

/* ---- databases ---- */

struct ese_store_database {
	uint32_t page_size;
	uint32_t pages;        /* the header's not counted */
	uint32_t unused_every; /* every Nth page is unused; 0: none */
	uint32_t legacy_every; /* every Nth has the old checksum; 1: all, 0: none */
	uint32_t state;        /* 2 dirty, 3 clean */
	uint32_t min_required, max_required, committed;
	uint32_t signature, log_signature;
	uint32_t seed;
};

/* A page with its checksum. */
void ese_store_page(
	uint8_t *page, uint32_t page_size, uint32_t number, bool legacy, uint32_t seed);
/* The same content as page FROM of another page that ese_store_page made, without summing
 * all of it up again. */
void ese_store_renumber(
	uint8_t *page, uint32_t page_size, uint32_t from, uint32_t number);

/* One copy of the header, and its checksum after a change. */
void ese_store_header(uint8_t *page, const struct ese_store_database *database);
void ese_store_seal(uint8_t *header, size_t size);

void ese_store_write_database(
	const char *path, const struct ese_store_database *database);

/* ---- logs ---- */

enum { ESE_STORE_LOG_SIZE = 65536 };

struct ese_store_log {
	uint32_t generation;
	uint32_t major; /* 7 or 8 */
	uint32_t update_minor;
	uint32_t signature;
	uint32_t created, previous_created; /* ese_store_time()'s numbers */
	uint64_t previous_sum;
	unsigned used; /* segments (version 8) or records (7); the rest is zero */
	bool shadow;   /* behind them, a shadow of the last segment */
	uint32_t seed;
};

/* LOG_SIZE bytes; returns what the next log remembers as their sum (version 8). */
uint64_t ese_store_log(uint8_t *data, const struct ese_store_log *log);
uint64_t ese_store_write_log(const char *path, const struct ese_store_log *log);

struct ese_store_chain {
	const char *base;      /* "edb" */
	const char *extension; /* ".log" */
	uint32_t low, high;
	uint32_t major; /* 7 or 8 */
	bool current;   /* the last one is BASE.log */
	uint32_t signature;
};

/* Logs that follow each other. */
void ese_store_write_chain(const char *dir, const struct ese_store_chain *chain);

void ese_store_write_checkpoint(
	const char *path, uint32_t generation, uint32_t log_signature);

/* ---- files ---- */

void ese_store_write(const char *path, const void *data, size_t size);
uint8_t *ese_store_read(const char *path, size_t *size); /* free() */

#endif
