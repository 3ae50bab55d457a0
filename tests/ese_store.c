#include "ese_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_MAX = 8192,
	TEMPLATES = 16, /* different contents of the pages of a database */
	SEGMENT = 4096,
	RECORD = 22,
};

__attribute__((noreturn)) static void die(const char *what, const char *reason)
{
	(void)fprintf(stderr, "ese_store: %s: %s\n", what, reason);
	abort();
}

static void *take(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		die("memory", "there is not enough");
	return p;
}

/* ---- numbers ---- */

void ese_store_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

void ese_store_put32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

void ese_store_put64(uint8_t *p, uint64_t value)
{
	ese_store_put32(p, (uint32_t)value);
	ese_store_put32(p + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

void ese_store_fill(uint8_t *data, size_t size, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 88675123u;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (uint8_t)(x >> 24 ? x >> 24 : 1);
	}
}

void ese_store_time(uint8_t *p, uint32_t number)
{
	const uint8_t time[8] = {(uint8_t)(number % 60), (uint8_t)(number / 60 % 60),
		(uint8_t)(number / 3600 % 24), (uint8_t)(1 + number / 86400 % 28), 11,
		126, 1, 0};

	memset(p, 0, 8);
	if (number)
		memcpy(p, time, 8);
}

void ese_store_signature(uint8_t *p, uint32_t random)
{
	memset(p, 0, 28);
	ese_store_put32(p, random);
	ese_store_time(p + 4, random);
}

/* ---- checksums by definition ---- */

struct sums {
	uint32_t bits; /* XOR of the numbers of the set bits */
	uint32_t words;
	uint32_t odd; /* is the number of set bits? */
};

/* Adds bytes FROM to TO of a block; the same ones a second time take them away again. */
static void add_bytes(struct sums *sums, const uint8_t *block, size_t from, size_t to)
{
	for (size_t byte = from; byte < to; byte++)
		for (unsigned bit = 0; bit < 8; bit++) {
			if (!(block[byte] >> bit & 1))
				continue;
			sums->bits ^= (uint32_t)(8 * byte + bit);
			sums->words ^= UINT32_C(1) << (byte % 4 * 8 + bit);
			sums->odd ^= 1;
		}
}

static uint64_t checksum_of(const struct sums *sums, size_t size, uint32_t number)
{
	const uint32_t mask = (uint32_t)(8 * size - 1);
	const uint32_t others = sums->odd ? sums->bits ^ mask : sums->bits;
	const uint32_t code = (others & mask) << 16 | (sums->bits & mask);

	return (uint64_t)code << 32 | (sums->words ^ number);
}

uint64_t ese_store_checksum(
	const uint8_t *block, size_t size, uint32_t number, bool header)
{
	struct sums sums = {0, 0, 0};

	add_bytes(&sums, block, header ? 8 : 0, size);
	return checksum_of(&sums, size, number);
}

uint32_t ese_store_xor(const uint8_t *data, size_t size)
{
	uint32_t sum = 0x89abcdef;

	for (size_t i = 4; i < size; i += 4)
		sum ^= get32(data + i);
	return sum;
}

void ese_store_seal(uint8_t *header, size_t size)
{
	ese_store_put32(header, ese_store_xor(header, size));
}

/* ---- pages ---- */

/* Pages over 8 KiB: the sums of blocks 1 to 3, and the page's number, in block 0. */
static void put_blocks(uint8_t *page, uint32_t page_size, uint32_t number)
{
	const uint32_t size = page_size / 4;

	ese_store_put32(page + 64, number);
	for (unsigned i = 1; i < 4; i++)
		ese_store_put64(page + 32 + 8 * i,
			ese_store_checksum(page + i * size, size, number, false));
}

void ese_store_page(
	uint8_t *page, uint32_t page_size, uint32_t number, bool legacy, uint32_t seed)
{
	const uint32_t first = page_size > BLOCK_MAX ? page_size / 4 : page_size;

	ese_store_fill(page, page_size, seed);
	ese_store_put32(page + 36, legacy ? 0x0802 : 0x2802);
	if (legacy) {
		ese_store_put32(page + 4, number);
		ese_store_seal(page, page_size);
		return;
	}
	if (page_size > BLOCK_MAX)
		put_blocks(page, page_size, number);
	ese_store_put64(page, ese_store_checksum(page, first, number, true));
}

/* The number enters the lower half of every sum; in block 0 of large pages, these sums and
 * the number are data too. */
void ese_store_renumber(uint8_t *page, uint32_t page_size, uint32_t from, uint32_t number)
{
	const uint32_t first = page_size > BLOCK_MAX ? page_size / 4 : page_size;
	struct sums before = {0, 0, 0}, after = {0, 0, 0};
	uint64_t difference;

	if (!(get32(page + 36) & 0x2000)) {
		ese_store_put32(page, get32(page) ^ from ^ number);
		ese_store_put32(page + 4, number);
		return;
	}
	add_bytes(&before, page, 40, 68);
	if (page_size > BLOCK_MAX) {
		for (unsigned at = 40; at <= 56; at += 8)
			ese_store_put32(page + at, get32(page + at) ^ from ^ number);
		ese_store_put32(page + 64, number);
	}
	add_bytes(&after, page, 40, 68);
	difference =
		checksum_of(&before, first, from) ^ checksum_of(&after, first, number);
	ese_store_put32(page, get32(page) ^ (uint32_t)difference);
	ese_store_put32(page + 4, get32(page + 4) ^ (uint32_t)(difference >> 32));
}

/* ---- databases ---- */

void ese_store_header(uint8_t *page, const struct ese_store_database *database)
{
	memset(page, 0, database->page_size);
	ese_store_put32(page + 4, 0x89abcdef);
	ese_store_put32(page + 8, 0x620);
	ese_store_put64(page + 16, 4711);
	ese_store_signature(page + 24, database->signature);
	ese_store_put32(page + 52, database->state);
	ese_store_signature(page + 108, database->log_signature);
	ese_store_put32(page + 216, 10);
	ese_store_put32(page + 232, 0x14);
	ese_store_put32(page + 236, database->page_size);
	ese_store_put32(page + 296, database->min_required);
	ese_store_put32(page + 300, database->max_required);
	ese_store_put32(page + 416, database->committed);
	ese_store_put32(page + 667, 1);
	ese_store_seal(page, database->page_size);
}

static bool is_nth(uint32_t number, uint32_t every)
{
	return every && number % every == 0;
}

static void write_page(FILE *f, const char *path, const uint8_t *page, uint32_t size)
{
	if (fwrite(page, size, 1, f) != 1)
		die(path, strerror(errno));
}

/* Page NUMBER, made from a template that is renumbered. */
static void put_page(FILE *f, const char *path, const struct ese_store_database *database,
	uint8_t *templates, uint32_t number)
{
	const uint32_t size = database->page_size;
	const bool legacy = is_nth(number, database->legacy_every);
	uint8_t *template =
		templates +
		(size_t)(number % TEMPLATES + (legacy ? TEMPLATES : 0)) * size;
	uint8_t page[32768] = {0};

	if (!is_nth(number, database->unused_every)) {
		memcpy(page, template, size);
		ese_store_renumber(page, size, 1, number);
	}
	write_page(f, path, page, size);
}

static uint8_t *make_templates(const struct ese_store_database *database)
{
	const uint32_t size = database->page_size;
	uint8_t *templates = take((size_t)2 * TEMPLATES * size);

	for (uint32_t i = 0; i < 2 * TEMPLATES; i++)
		ese_store_page(templates + (size_t)i * size, size, 1, i >= TEMPLATES,
			database->seed + i);
	return templates;
}

void ese_store_write_database(const char *path, const struct ese_store_database *database)
{
	uint8_t *templates = make_templates(database), header[32768];
	FILE *f = fopen(path, "we");

	if (!f)
		die(path, strerror(errno));
	ese_store_header(header, database);
	write_page(f, path, header, database->page_size);
	write_page(f, path, header, database->page_size);
	for (uint32_t number = 1; number <= database->pages; number++)
		put_page(f, path, database, templates, number);
	if (fclose(f) != 0)
		die(path, strerror(errno));
	free(templates);
}

/* ---- logs ---- */

static void put_log_header(uint8_t *data, const struct ese_store_log *log)
{
	const uint16_t sector = log->major == 7 ? 512 : 4096;

	ese_store_put32(data + 4, log->generation);
	ese_store_put16(data + 8, sector);
	ese_store_put16(data + 10, (uint16_t)(4096 / sector));
	ese_store_put16(data + 12, (uint16_t)(ESE_STORE_LOG_SIZE / sector));
	ese_store_put16(data + 14, 8192);
	ese_store_time(data + 16, log->created);
	ese_store_time(data + 24, log->previous_created);
	ese_store_put32(data + 32, log->major);
	ese_store_put32(data + 36, 3704);
	ese_store_put32(data + 40, 5);
	ese_store_signature(data + 44, log->signature);
	ese_store_put32(data + 648, log->update_minor);
	ese_store_put64(data + 653, log->previous_sum);
	ese_store_put32(data + 667, 3);
	ese_store_seal(data, 4096);
}

static uint64_t put_segment(
	uint8_t *segment, const struct ese_store_log *log, uint32_t index)
{
	uint64_t sum;

	ese_store_fill(segment, SEGMENT, log->seed + 100 * log->generation + index);
	ese_store_put16(segment + 8, 0);
	ese_store_put16(segment + 10, (uint16_t)index);
	ese_store_put32(segment + 12, log->generation);
	ese_store_put32(segment + 36, 0x2000);
	sum = ese_store_checksum(segment, SEGMENT, index, true);
	ese_store_put64(segment, sum);
	return sum;
}

static uint64_t put_segments(uint8_t *data, const struct ese_store_log *log)
{
	uint64_t sum = 0;

	for (uint32_t index = 1; index <= log->used; index++)
		sum ^= put_segment(data + (size_t)index * SEGMENT, log, index);
	if (log->shadow)
		(void)put_segment(
			data + (size_t)(log->used + 1) * SEGMENT, log, log->used);
	return sum;
}

static uint32_t xor_range(const uint8_t *data, size_t from, size_t to)
{
	uint32_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum ^= (uint32_t)data[i] << 8 * (i % 4);
	return sum;
}

/* A record at AT. The bytes up to the next one are divided between the two. */
static void put_record(uint8_t *data, const struct ese_store_log *log, size_t at,
	uint32_t backwards, uint32_t forwards, uint32_t next)
{
	const uint8_t use_short = log->seed % 2 ? 0x9a : 0xd1;
	const size_t end = at + RECORD;

	data[at] = 42;
	ese_store_put32(data + at + 1, backwards);
	ese_store_put32(data + at + 5, forwards);
	ese_store_put32(data + at + 9, next);
	data[at + 21] = use_short;
	ese_store_put32(data + at + 13, 0xfeedbeaf ^ xor_range(data, at - backwards, at) ^
						xor_range(data, end, end + forwards) ^
						backwards ^ forwards ^ next ^ use_short ^
						log->generation);
}

/* Records 1000-odd bytes apart, so that their ranges begin at every remainder of 4. */
static void put_records(uint8_t *data, const struct ese_store_log *log)
{
	size_t at = 4096;
	uint32_t backwards = 0;

	ese_store_fill(
		data + 4096, ESE_STORE_LOG_SIZE - 4096, log->seed + log->generation);
	for (unsigned i = 1; i <= log->used; i++) {
		const uint32_t between = i < log->used ? 1001 + i % 5 : 0;
		const uint32_t after = between ? between / 3 : 0;

		put_record(data, log, at, backwards, between ? between - after : 333,
			between);
		at += RECORD + between;
		backwards = after;
	}
}

uint64_t ese_store_log(uint8_t *data, const struct ese_store_log *log)
{
	memset(data, 0, ESE_STORE_LOG_SIZE);
	put_log_header(data, log);
	if (log->major == 8)
		return put_segments(data, log);
	put_records(data, log);
	return 0;
}

uint64_t ese_store_write_log(const char *path, const struct ese_store_log *log)
{
	uint8_t *data = take(ESE_STORE_LOG_SIZE);
	const uint64_t sum = ese_store_log(data, log);

	ese_store_write(path, data, ESE_STORE_LOG_SIZE);
	free(data);
	return sum;
}

static void chain_path(char path[4096], const char *dir,
	const struct ese_store_chain *chain, uint32_t generation)
{
	char digits[16] = "";

	if (!chain->current || generation != chain->high)
		(void)snprintf(digits, sizeof(digits),
			generation > 0xfffff ? "%08X" : "%05X", (unsigned)generation);
	(void)snprintf(
		path, 4096, "%s/%s%s%s", dir, chain->base, digits, chain->extension);
}

void ese_store_write_chain(const char *dir, const struct ese_store_chain *chain)
{
	uint64_t sum = 0;

	for (uint32_t generation = chain->low; generation <= chain->high; generation++) {
		const struct ese_store_log log = {
			.generation = generation,
			.major = chain->major,
			.update_minor = chain->major == 8 ? 16 : 0,
			.signature = chain->signature,
			.created = 1000 + generation,
			.previous_created = 1000 + generation - 1,
			.previous_sum = sum,
			.used = chain->current && generation == chain->high ? 3 : 14,
			.seed = 7,
		};
		char path[4096];

		chain_path(path, dir, chain, generation);
		sum = ese_store_write_log(path, &log);
	}
}

void ese_store_write_checkpoint(
	const char *path, uint32_t generation, uint32_t log_signature)
{
	uint8_t data[8192] = {0};

	ese_store_put16(data + 12, 0x10);
	ese_store_put16(data + 14, 9);
	ese_store_put32(data + 16, generation);
	ese_store_signature(data + 20, log_signature);
	ese_store_put32(data + 667, 4);
	ese_store_seal(data, 4096);
	memcpy(data + 4096, data, 4096);
	ese_store_write(path, data, sizeof(data));
}

/* ---- files ---- */

void ese_store_write(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "we");

	if (!f || (size && fwrite(data, size, 1, f) != 1) || fclose(f) != 0)
		die(path, strerror(errno));
}

uint8_t *ese_store_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data;
	long length;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (length = ftell(f)) < 0 ||
		fseek(f, 0, SEEK_SET) != 0)
		die(path, strerror(errno));
	data = take((size_t)length + 1);
	if (fread(data, 1, (size_t)length, f) != (size_t)length)
		die(path, "could not be read");
	(void)fclose(f);
	*size = (size_t)length;
	return data;
}
