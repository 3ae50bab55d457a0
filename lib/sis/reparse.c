/*
 * The checksum h = h * 131 + word is a polynomial in 131: its terms are added up with
 * powers computed ahead, since a chain of multiplications would be most of the work of
 * reading a link.
 */
#include "sis/reparse.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "sis/words.h"

#define VERSION       5u
#define CHECKED_SIZE  56u
#define CHECKED_WORDS (CHECKED_SIZE / 4)

/* Where the fields are in the data. */
enum {
	AT_VERSION = 0x00,
	AT_RESERVED = 0x04,
	AT_STORE_FILE = 0x08,
	AT_INDEX = 0x18,
	AT_LINK_FILE_ID = 0x20,
	AT_STORE_FILE_ID = 0x28,
	AT_CONTENT_CHECKSUM = 0x30,
	AT_CHECKSUM = 0x38,
};

_Static_assert(AT_CHECKSUM == CHECKED_SIZE, "all before the checksum is in it");
_Static_assert(AT_CHECKSUM + 8 == REPARSE_DATA_SIZE, "and it comes last");

/* ---- numbers ---- */

static inline uint32_t load_u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static void store_u32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* From little-endian fields to libuuid's big-endian ones, in whole words: the table of
 * store files reads them as such at once. */
static void load_guid(const uint8_t *p, uuid_t guid)
{
	const uint64_t fields =
		htobe64((uint64_t)words_load(p) << 32 | (uint64_t)load_u16(p + 4) << 16 |
			load_u16(p + 6));

	memcpy(guid, &fields, sizeof(fields));
	memcpy(guid + 8, p + 8, 8);
}

static void store_guid(uint8_t *p, const uuid_t guid)
{
	static const uint8_t order[16] = {
		3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (size_t i = 0; i < 16; i++)
		p[i] = guid[order[i]];
}

/* 131 to the power of 13 - i, modulo 2^64. */
#define P1 WORDS_P1
#define P2 WORDS_P2
#define P4 WORDS_P4
#define P8 WORDS_P8
static const uint64_t powers[CHECKED_WORDS] = {P8 * P4 * P1, P8 *P4, P8 *P2 *P1, P8 *P2,
	P8 *P1, P8, P4 *P2 *P1, P4 *P2, P4 *P1, P4, P2 *P1, P2, P1, 1};

static uint64_t data_checksum(const uint8_t *data)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < CHECKED_WORDS; i++)
		hash += powers[i] * words_load(data + 4 * i);
	return hash;
}

/* ---- reading ---- */

static status invalid(const char *why)
{
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA), "reparse data: %s", why);
}

static status check_header(const uint8_t *buffer, size_t size)
{
	uint32_t length;

	if (size < REPARSE_HEADER_SIZE)
		return status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
			"reparse data: %zu bytes are too short for its header", size);
	if (words_load(buffer) != REPARSE_TAG_SIS)
		return status_fail(STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH),
			"reparse data: its tag is 0x%08x, that of a single-instance link "
			"0x%08x",
			(unsigned)words_load(buffer), REPARSE_TAG_SIS);
	length = load_u16(buffer + 4);
	if (load_u16(buffer + 6) != 0)
		return invalid("the reserved field of its header is not 0");
	if (size - REPARSE_HEADER_SIZE < length)
		return status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
			"reparse data: it should have %u bytes behind its header, but "
			"has %zu",
			(unsigned)length, size - REPARSE_HEADER_SIZE);
	/* The version first, which explains another length. */
	if (length >= 4 && words_load(buffer + REPARSE_HEADER_SIZE) != VERSION)
		return status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
			"reparse data: its format version is %u; only version %u is "
			"known",
			(unsigned)words_load(buffer + REPARSE_HEADER_SIZE), VERSION);
	if (length != REPARSE_DATA_SIZE)
		return status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
			"reparse data: %u bytes behind its header; format version %u has "
			"%u",
			(unsigned)length, VERSION, REPARSE_DATA_SIZE);
	return STATUS_OK;
}

status reparse_parse(const void *buffer, size_t size, struct sis_link *link)
{
	const uint8_t *data = (const uint8_t *)buffer + REPARSE_HEADER_SIZE;
	status rc = check_header(buffer, size);

	*link = (struct sis_link){0};
	if (failed(rc))
		return rc;
	if (words_load_u64(data + AT_CHECKSUM) != data_checksum(data))
		return invalid("its checksum does not match");
	link->reserved = words_load(data + AT_RESERVED);
	load_guid(data + AT_STORE_FILE, link->store_file);
	link->index = words_load_u64(data + AT_INDEX);
	link->link_file_id = words_load_u64(data + AT_LINK_FILE_ID);
	link->store_file_id = words_load_u64(data + AT_STORE_FILE_ID);
	link->content_checksum = words_load_u64(data + AT_CONTENT_CHECKSUM);
	return STATUS_OK;
}

/* ---- writing ---- */

void reparse_build(const struct sis_link *link, uint8_t buffer[REPARSE_SIZE])
{
	uint8_t *data = buffer + REPARSE_HEADER_SIZE;

	store_u32(buffer, REPARSE_TAG_SIS);
	store_u32(buffer + 4, REPARSE_DATA_SIZE);
	store_u32(data + AT_VERSION, VERSION);
	store_u32(data + AT_RESERVED, link->reserved);
	store_guid(data + AT_STORE_FILE, link->store_file);
	words_store_u64(data + AT_INDEX, link->index);
	words_store_u64(data + AT_LINK_FILE_ID, link->link_file_id);
	words_store_u64(data + AT_STORE_FILE_ID, link->store_file_id);
	words_store_u64(data + AT_CONTENT_CHECKSUM, link->content_checksum);
	words_store_u64(data + AT_CHECKSUM, data_checksum(data));
}
