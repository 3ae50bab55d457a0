/*
 * mdb_check.h - is every page of an LMDB file what its tree says?
 */
#ifndef ENGINE_MDB_CHECK_H
#define ENGINE_MDB_CHECK_H

#include "engine/hosted.h"
#include "engine/mdb_format.h"

/* The whole file PATH, which nobody writes to: all trees, all pages in them, the list of
 * free pages, the counts. hrDatabaseCorrupted, naming the page; ERROR_CANCELLED once the
 * caller is gone. Without LMDB, with a bit of memory for each page and one page for each
 * level of a tree. */
status lmdb_check_file(const struct hosted_engine *host, const char *path);

/* The same for the state META of the open file FD, which a reader keeps from changing. */
status lmdb_check_state(const struct hosted_engine *host, const char *path, int fd,
	const struct lmdb_meta *meta);

/* ---- between the files of the check ---- */

struct lmdb_walk {
	const struct hosted_engine *host;
	const char *path;
	int fd;
	size_t page_size;
	size_t page_count;   /* by the meta page */
	size_t file_pages;   /* whole ones in the file: pages never used may be missing */
	unsigned char *seen; /* a bit for each page */
	size_t seen_count;
};

/* Fails, naming the page. */
status lmdb_damaged(const struct lmdb_walk *walk, size_t page, const char *problem);

/* Notes COUNT pages as used, each of them for the first time. */
status lmdb_use_pages(struct lmdb_walk *walk, size_t page, size_t count);

/* Reads SIZE bytes at OFFSET of page PAGE (and of those that follow it). */
status lmdb_read_page(
	struct lmdb_walk *walk, size_t page, size_t offset, void *buffer, size_t size);

/* A page, or a page within a node, whose head was found sound. */
struct lmdb_view {
	const unsigned char *bytes;
	size_t size;
	struct lmdb_page head;
	size_t count; /* of its nodes, or keys */
};

/* What is wrong with the SIZE bytes as a page of trees; NULL: nothing. Fills VIEW. */
const char *lmdb_view_page(
	const unsigned char *bytes, size_t size, struct lmdb_view *view);

/* Node INDEX of the page: its head, and where its data begins. LEAF: the data lies in the
 * page, unless it is big. Something else than NULL is wrong with it. */
const char *lmdb_view_node(const struct lmdb_view *view, size_t index,
	struct lmdb_node *node, const unsigned char **data);

size_t lmdb_data_size(const struct lmdb_node *node);
size_t lmdb_child(const struct lmdb_node *node);

/* The list of free pages that begins at DATA, or on the overflow page PAGE (DATA NULL), of
 * SIZE bytes. */
status lmdb_check_free_list(
	struct lmdb_walk *walk, const unsigned char *data, size_t page, size_t size);

#endif
