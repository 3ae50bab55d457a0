/* LMDB takes the newer of two meta pages, and checks of both that they are its own: so does
 * this, and sees to it that what LMDB reckons with is sound. */
#include "engine/mdb_format.h"

#include <string.h>

#include "base/file.h"

struct meta_page {
	struct lmdb_page head;
	struct lmdb_meta meta;
};

/* A page of another machine's: its magic number is elsewhere, or the wrong way round. */
static status foreign(const char *path, const unsigned char *bytes, size_t size)
{
	static const size_t places[] = {12, 16};
	uint32_t magic;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i] + sizeof(magic) > size)
			break;
		memcpy(&magic, bytes + places[i], sizeof(magic));
		if (magic == __builtin_bswap32(LMDB_MAGIC))
			return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
				"%s: an LMDB file made on a machine of the other byte "
				"order",
				path);
		if (magic == LMDB_MAGIC && places[i] != sizeof(struct lmdb_page))
			return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
				"%s: an LMDB file made on a machine with %s-bit numbers",
				path, places[i] == 12 ? "32" : "64");
	}
	return status_fail(hrDatabaseCorrupted,
		"%s: not an LMDB file, or only the beginning of one", path);
}

static bool is_page_size(size_t size)
{
	return size >= LMDB_PAGE_SIZE_MIN && size <= LMDB_PAGE_SIZE_MAX &&
	       (size & (size - 1)) == 0;
}

static status check_meta(
	const char *path, const struct meta_page *page, size_t size, size_t index)
{
	const struct lmdb_meta *meta = &page->meta;

	if (size != sizeof(*page) || meta->magic != LMDB_MAGIC)
		return index == 0 ? foreign(path, (const unsigned char *)page, size)
				  : status_fail(hrDatabaseCorrupted,
					    "%s: its second page is not LMDB's", path);
	if (meta->version != LMDB_VERSION)
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: of LMDB's format %u, known is %u", path, meta->version,
			LMDB_VERSION);
	if (!(page->head.flags & LMDB_META) || !is_page_size(lmdb_page_size(meta)) ||
		meta->last_page == LMDB_NO_PAGE || meta->last_page < LMDB_METAS - 1)
		return status_fail(
			hrDatabaseCorrupted, "%s: page %zu is damaged", path, index);
	return STATUS_OK;
}

status lmdb_read_metas(int fd, const char *path, struct lmdb_meta metas[LMDB_METAS])
{
	uint64_t offset = 0;

	for (size_t i = 0; i < LMDB_METAS; i++) {
		struct meta_page page = {0};
		size_t got;
		status rc = file_pread(fd, &page, sizeof(page), offset, &got, path);

		if (!failed(rc))
			rc = check_meta(path, &page, got, i);
		if (failed(rc))
			return rc;
		metas[i] = page.meta;
		offset += lmdb_page_size(&metas[0]);
	}
	if (lmdb_page_size(&metas[0]) != lmdb_page_size(&metas[1]))
		return status_fail(hrDatabaseCorrupted,
			"%s: its first two pages contradict each other", path);
	return STATUS_OK;
}

const struct lmdb_meta *lmdb_newest(const struct lmdb_meta metas[LMDB_METAS])
{
	return metas[1].txnid > metas[0].txnid ? &metas[1] : &metas[0];
}

void lmdb_make_meta_page(const struct lmdb_meta *meta, size_t index, void *page)
{
	const struct meta_page content = {
		.head = {.number = index, .flags = LMDB_META}, .meta = *meta};

	memset(page, 0, lmdb_page_size(meta));
	memcpy(page, &content, sizeof(content));
}
