/*
 * Reparse data: whatever is accepted is built again as the same bytes; and content of any
 * size, in pieces of any size, has one checksum.
 */
#include <stdlib.h>
#include <string.h>

#include "sis/reparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const uint8_t *data, size_t size)
{
	uint8_t built[REPARSE_SIZE];
	struct sis_link link;

	if (failed(reparse_parse(data, size, &link)))
		return;
	reparse_build(&link, built);
	if (memcmp(built, data, REPARSE_SIZE) != 0)
		abort();
}

/* A fuzzer does not guess checksums: the rest of the link is its to choose. */
static void check_with_checksum(const uint8_t *data, size_t size)
{
	struct content_checksum c = {0};
	uint8_t whole[REPARSE_SIZE];
	struct sis_link link;
	uint64_t checksum;

	if (size < REPARSE_SIZE)
		return;
	memcpy(whole, data, REPARSE_SIZE);
	memcpy(whole, "\x07\0\0\x80\x40\0\0\0\x05\0\0", 12);
	content_checksum_add(&c, whole + REPARSE_HEADER_SIZE, REPARSE_DATA_SIZE - 8);
	checksum = content_checksum_end(&c);
	for (int i = 0; i < 8; i++)
		whole[REPARSE_SIZE - 8 + (unsigned)i] = (uint8_t)(checksum >> (8 * i));
	if (failed(reparse_parse(whole, REPARSE_SIZE, &link)))
		abort();
	check_same(whole, REPARSE_SIZE);
}

static void check_pieces(const uint8_t *data, size_t size)
{
	struct content_checksum whole = {0}, pieces = {0};
	size_t piece = size ? data[0] % 23 + 1u : 1;

	content_checksum_add(&whole, data, size);
	for (size_t at = 0; at < size; at += piece)
		content_checksum_add(
			&pieces, data + at, size - at < piece ? size - at : piece);
	if (content_checksum_end(&whole) != content_checksum_end(&pieces))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_same(data, size);
	check_with_checksum(data, size);
	check_pieces(data, size);
	return 0;
}
