/* Checksums of pages as libdb 5.3.28 writes them (DB_CHKSUM), observed on files of every
 * access method: a sum (hash * 33 + byte) over the page with the checksum itself taken as
 * zero, at byte 28; of a page that describes a database, over its first 512 bytes, at byte
 * 492. Encrypted files have another kind, which needs their key. */
#include "engine/bdb.h"

#include <string.h>

enum {
	PAGE_SIZE_AT = 20,
	ENCRYPTION_AT = 24,
	TYPE_AT = 25,
	FLAGS_AT = 26,
	FLAG_SUMMED = 1,
	MAGIC_AT = 12,
	SUM_AT = 28,
	META_SUM_AT = 492,
	PAGE_SIZE_MIN = 512,
	PAGE_SIZE_MAX = 64 << 10,
};

static uint32_t get_u32(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Only of this machine's byte order: others are copied as they are. */
static bool is_native(uint32_t magic)
{
	return magic == 0x053162 || magic == 0x061561 || magic == 0x042253 ||
	       magic == 0x074582;
}

bool bdb_pages_read(const unsigned char *head, struct bdb_pages *pages)
{
	const bool native = is_native(get_u32(head + MAGIC_AT));
	const uint32_t size = get_u32(head + PAGE_SIZE_AT);

	*pages = (struct bdb_pages){
		.size = native ? size : __builtin_bswap32(size), .type = head[TYPE_AT]};
	pages->summed = native && (head[FLAGS_AT] & FLAG_SUMMED) && !head[ENCRYPTION_AT];
	return pages->size >= PAGE_SIZE_MIN && pages->size <= PAGE_SIZE_MAX &&
	       (pages->size & (pages->size - 1)) == 0 &&
	       (native || is_native(__builtin_bswap32(get_u32(head + MAGIC_AT))));
}

static uint32_t sum(uint32_t hash, const unsigned char *bytes, size_t size)
{
	for (; size >= 4; size -= 4, bytes += 4)
		hash = hash * 1185921u + bytes[0] * 35937u + bytes[1] * 1089u +
		       bytes[2] * 33u + bytes[3];
	return hash;
}

static bool describes_database(uint8_t type)
{
	return type == 8 || type == 9 || type == 10 || type == BDB_HEAP_TYPE;
}

/* A file may have pages that were never written. */
static bool is_blank(const unsigned char *page, size_t size)
{
	return page[0] == 0 && memcmp(page, page + 1, size - 1) == 0;
}

bool bdb_page_sound(
	const struct bdb_pages *pages, uint64_t number, const unsigned char *page)
{
	static const unsigned char zero[4];
	const bool meta = describes_database(page[TYPE_AT]);
	const size_t at = meta ? META_SUM_AT : SUM_AT;
	const size_t size = meta ? BDB_META_SIZE : pages->size;
	uint32_t hash;

	if (!pages->summed)
		return true;
	hash = sum(0, page, at);
	hash = sum(hash, zero, sizeof(zero));
	hash = sum(hash, page + at + sizeof(zero), size - at - sizeof(zero));
	return hash == get_u32(page + at) || (number > 0 && is_blank(page, pages->size));
}
