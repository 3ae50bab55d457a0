/*
 * ESE files: no header, page, log or name of any content does harm; a page that is said to
 * have one wrong bit is good without it; one that is said to belong elsewhere is good there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/ese_checkpoint.h"
#include "engine/ese_checksum.h"
#include "engine/ese_header.h"
#include "engine/ese_log.h"
#include "engine/ese_names.h"
#include "engine/ese_page.h"
#include "engine/ese_recognise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

/* ---- pages ---- */

static void check_page(const uint8_t *data, uint32_t page_size, uint32_t number)
{
	struct ese_page page = ese_page_check(data, page_size, number);
	uint8_t copy[ESE_PAGE_MAX];

	(void)ese_page_status(&page, page_size, "x");
	if (page.verdict == ESE_PAGE_MISPLACED) {
		require(page.belongs != number);
		return;
	}
	if (!page.single_bit)
		return;
	require(page.bit < 8 * page_size);
	memcpy(copy, data, page_size);
	copy[page.bit / 8] ^= (uint8_t)(1u << page.bit % 8);
	page = ese_page_check(copy, page_size, number);
	require(page.verdict == ESE_PAGE_GOOD || page.verdict == ESE_PAGE_MISPLACED);
}

/* Made good, with as many wrong bits as the input says. */
static void check_repaired(const uint8_t *data, uint32_t page_size, uint32_t number)
{
	const uint32_t block = page_size > 8192 ? page_size / 4 : page_size;
	uint8_t copy[ESE_PAGE_MAX];

	memcpy(copy, data, page_size);
	copy[37] |= 0x20;
	memcpy(copy + 64, &(uint32_t){htole32(number)}, page_size > 8192 ? 4 : 0);
	for (uint32_t i = 1; page_size > 8192 && i < 4; i++)
		memcpy(copy + 32 + 8 * i,
			&(uint64_t){htole64(
				ese_checksum(copy + i * block, block, number, false))},
			8);
	memcpy(copy, &(uint64_t){htole64(ese_checksum(copy, block, number, true))}, 8);
	require(ese_page_check(copy, page_size, number).verdict == ESE_PAGE_GOOD);
	for (unsigned i = 0; i < (data[0] & 3); i++) {
		const uint32_t bit = ese_u32(data + 8 + 4 * i) % (8 * page_size);

		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		check_page(copy, page_size, number);
	}
}

static void check_pages(const uint8_t *data, size_t size)
{
	for (uint32_t page_size = ESE_PAGE_MIN;
		page_size <= ESE_PAGE_MAX && page_size <= size; page_size *= 2) {
		check_page(data, page_size, ese_u32(data));
		check_page(data, page_size, 1);
		check_repaired(data, page_size, ese_u32(data + 4));
		(void)ese_page_check_trailer(data, page_size, 9);
	}
}

static void check_sums(const uint8_t *data, size_t size)
{
	for (size_t block = 2048; block <= 8192 && block <= size; block *= 2) {
		const struct ese_sums a = ese_sum(data, block);
		const struct ese_sums b = ese_sum_portable(data, block);

		require(a.rows == b.rows && a.columns == b.columns);
	}
}

/* ---- headers ---- */

static void check_header(const uint8_t *data, size_t size)
{
	struct ese_checkpoint checkpoint;
	struct ese_log_header log;
	struct ese_header header;
	uint64_t count;

	if (!failed(ese_header_parse(data, size, "x", &header))) {
		require(header.copies != 0 && ese_page_size_valid(header.page_size));
		(void)ese_header_page_count(&header, size, "x", &count);
		(void)ese_time_seconds(header.attach_time, NULL);
	}
	(void)ese_checkpoint_parse(data, size, "x", &checkpoint);
	(void)ese_log_parse(data, size, "x", &log);
	(void)ese_recognise(data, size, "edb.log");
	(void)ese_recognise(data, size, "x");
}

/* A fuzzer does not guess checksums. */
static void check_sealed(const uint8_t *data, size_t size)
{
	for (size_t sealed = 2048; sealed <= ESE_PAGE_MAX && sealed <= size;
		sealed *= 2) {
		uint8_t *copy = malloc(size);

		require(copy != NULL);
		memcpy(copy, data, size);
		memcpy(copy, &(uint32_t){htole32(ese_xor_checksum(copy, sealed))}, 4);
		check_header(copy, size);
		free(copy);
	}
}

static void check_name(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size < 64 ? size : 64);
	struct ese_name parsed;

	require(name != NULL);
	parsed = ese_name_parse(name);
	require((parsed.kind == ESE_NAME_LOG) == (parsed.generation != 0));
	free(name);
}

/* ---- logs ---- */

static void verify_log(const uint8_t *data, size_t size)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct ese_log log;

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)ese_log_verify(fd, "x", NULL, &log);
	require(close(fd) == 0);
}

static void check_log(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size < ESE_LOG_HEADER_SIZE)
		return;
	copy = malloc(size);
	require(copy != NULL);
	memcpy(copy, data, size);
	memcpy(copy + 8, &(uint16_t){htole16(1)}, 2); /* sectors of one byte */
	memcpy(copy + 12, &(uint16_t){htole16((uint16_t)size)}, 2);
	for (uint32_t major = 7; major <= 8; major++) {
		memcpy(copy + 32, &(uint32_t){htole32(major)}, 4);
		memcpy(copy + 667, "\3\0\0", 4);
		memcpy(copy,
			&(uint32_t){htole32(ese_xor_checksum(copy, ESE_LOG_HEADER_SIZE))},
			4);
		verify_log(copy, size);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_name(data, size);
	check_header(data, size);
	check_sealed(data, size);
	check_pages(data, size);
	check_sums(data, size);
	check_log(data, size);
	return 0;
}
