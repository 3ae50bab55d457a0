/*
 * mdb_format.h - an LMDB data file as it lies on the disk
 *
 * LMDB trusts every byte of its file. What comes from a backup, or from a disk that
 * failed, is looked at by these means first, which need no library. The numbers are those
 * of the machine that made the file: its byte order, and its size_t for page numbers.
 */
#ifndef ENGINE_MDB_FORMAT_H
#define ENGINE_MDB_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define LMDB_MAGIC   0xbeefc0deu
#define LMDB_VERSION 1u
#define LMDB_NO_PAGE SIZE_MAX /* the root of an empty tree */

enum {
	LMDB_PAGE_SIZE_MIN = 256,
	LMDB_PAGE_SIZE_MAX = 65536,
	LMDB_DEPTH_LIMIT = 32, /* LMDB's own */
	LMDB_METAS = 2,
};

enum lmdb_page_flag {
	LMDB_BRANCH = 0x01,
	LMDB_LEAF = 0x02,
	LMDB_OVERFLOW = 0x04,
	LMDB_META = 0x08,
	LMDB_DIRTY = 0x10,   /* says nothing in a file */
	LMDB_LEAF2 = 0x20,   /* keys of one size, without nodes */
	LMDB_SUBPAGE = 0x40, /* within a node */
};

enum lmdb_node_flag {
	LMDB_BIG = 0x01,        /* the data is the number of an overflow page */
	LMDB_SUBTREE = 0x02,    /* the data is a struct lmdb_tree */
	LMDB_DUPLICATES = 0x04, /* the data is a subpage, or with LMDB_SUBTREE a tree */
};

enum lmdb_tree_flag {
	LMDB_HAS_DUPLICATES = 0x04,
	LMDB_FIXED_SIZE = 0x10, /* duplicates are, and have LMDB_LEAF2 pages */
};

struct lmdb_page {
	size_t number;
	uint16_t key_size; /* with LMDB_LEAF2 */
	uint16_t flags;
	union {
		struct {
			uint16_t lower, upper; /* the free space between them */
		};
		uint32_t pages; /* with LMDB_OVERFLOW */
	};
};

struct lmdb_node {
	/* of the data's size; in branch pages of the page number */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint16_t low, high;
#else
	uint16_t high, low;
#endif
	uint16_t flags; /* in branch pages the page number's highest part */
	uint16_t key_size;
};

struct lmdb_tree {
	uint32_t key_size; /* of keys of one size; in the first tree: the page size */
	uint16_t flags;
	uint16_t depth;
	size_t branch_pages, leaf_pages, overflow_pages;
	size_t entries;
	size_t root;
};

struct lmdb_meta {
	uint32_t magic;
	uint32_t version;
	size_t address;
	size_t map_size;
	struct lmdb_tree free, main;
	size_t last_page;
	size_t txnid;
};

_Static_assert(sizeof(struct lmdb_page) == sizeof(size_t) + 8, "as on disk");
_Static_assert(sizeof(struct lmdb_node) == 8, "as on disk");
_Static_assert(sizeof(struct lmdb_tree) == 8 + 5 * sizeof(size_t), "as on disk");
_Static_assert(
	sizeof(struct lmdb_meta) == 8 + 4 * sizeof(size_t) + 2 * sizeof(struct lmdb_tree),
	"as on disk");

static inline size_t lmdb_page_size(const struct lmdb_meta *meta)
{
	return meta->free.key_size;
}

/* Both meta pages of the file FD. hrDatabaseCorrupted for what is none of LMDB's;
 * ERROR_NOT_SUPPORTED, saying why, for one of another version, byte order or word size. */
status lmdb_read_metas(int fd, const char *path, struct lmdb_meta metas[LMDB_METAS]);

/* The one that a reader takes. */
const struct lmdb_meta *lmdb_newest(const struct lmdb_meta metas[LMDB_METAS]);

/* META as page INDEX of a new file: lmdb_page_size bytes. */
void lmdb_make_meta_page(const struct lmdb_meta *meta, size_t index, void *page);

#endif
