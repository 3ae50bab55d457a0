/* Pages are read one by one, never mapped: a file that is cut short meanwhile is an error
 * then, and no signal. Recursion is as deep as the trees, which LMDB limits. */
#include "engine/mdb_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"

enum {
	LOOK_EVERY = 1024, /* pages between two looks for the caller */
	MISSING_FACTOR = 64,
	MISSING_PAGES = 1 << 20,
};

enum tree_kind { TREE_FREE, TREE_MAIN, TREE_NAMED, TREE_DUPLICATES };

struct tree {
	enum tree_kind kind;
	struct lmdb_tree said;  /* by its record */
	struct lmdb_tree found; /* its counts */
};

static status walk_tree(
	struct lmdb_walk *walk, enum tree_kind kind, const struct lmdb_tree *said);

/* ---- pages ---- */

status lmdb_damaged(const struct lmdb_walk *walk, size_t page, const char *problem)
{
	return status_fail(
		hrDatabaseCorrupted, "%s: page %zu: %s", walk->path, page, problem);
}

status lmdb_use_pages(struct lmdb_walk *walk, size_t page, size_t count)
{
	if (page < LMDB_METAS || page >= walk->page_count ||
		count > walk->page_count - page)
		return lmdb_damaged(walk, page, "beyond the end, but in use");
	for (size_t i = page; i < page + count; i++) {
		unsigned char bit = (unsigned char)(1u << i % 8);

		if (walk->seen[i / 8] & bit)
			return lmdb_damaged(walk, i, "in use twice");
		walk->seen[i / 8] |= bit;
		if (++walk->seen_count % LOOK_EVERY == 0 &&
			walk->host->caller_gone(walk->host->context))
			return status_fail(STATUS_WIN32(ERROR_CANCELLED),
				"%s: the caller is gone", walk->path);
	}
	return STATUS_OK;
}

status lmdb_read_page(
	struct lmdb_walk *walk, size_t page, size_t offset, void *buffer, size_t size)
{
	size_t got;
	status rc = file_pread(walk->fd, buffer, size,
		(uint64_t)page * walk->page_size + offset, &got, walk->path);

	if (!failed(rc) && got != size)
		rc = lmdb_damaged(walk, page, "the file ends before it");
	return rc;
}

static status use_overflow(
	struct lmdb_walk *walk, struct tree *tree, size_t page, size_t size)
{
	struct lmdb_page head;
	size_t needed = (sizeof(head) - 1 + size) / walk->page_size + 1;
	status rc = page < walk->file_pages
			    ? lmdb_read_page(walk, page, 0, &head, sizeof(head))
			    : lmdb_damaged(walk, page, "beyond the end, but in use");

	if (failed(rc))
		return rc;
	if (head.number != page || !(head.flags & LMDB_OVERFLOW) || head.pages < needed)
		return lmdb_damaged(walk, page, "not the long value that it should be");
	if (needed > walk->file_pages - page)
		return lmdb_damaged(walk, page, "the file ends within it");
	tree->found.overflow_pages += head.pages;
	return lmdb_use_pages(walk, page, head.pages);
}

/* ---- what leaves hold ---- */

static bool has_fixed_size(const struct tree *tree)
{
	return tree->said.flags & LMDB_FIXED_SIZE;
}

static status take_duplicates(struct lmdb_walk *walk, struct tree *tree, size_t page,
	const unsigned char *data, size_t size)
{
	struct lmdb_view view;
	const char *problem = lmdb_view_page(data, size, &view);

	if (!problem && (!(view.head.flags & LMDB_LEAF) ||
				has_fixed_size(tree) != !!(view.head.flags & LMDB_LEAF2)))
		problem = "its duplicates are of another kind";
	if (problem)
		return lmdb_damaged(walk, page, problem);
	for (size_t i = 0; i < view.count && !(view.head.flags & LMDB_LEAF2); i++) {
		struct lmdb_node node;
		const unsigned char *value;

		problem = lmdb_view_node(&view, i, &node, &value);
		if (!problem && node.flags)
			problem = "its duplicates are more than values";
		if (problem)
			return lmdb_damaged(walk, page, problem);
	}
	tree->found.entries += view.count;
	return STATUS_OK;
}

static status take_subtree(struct lmdb_walk *walk, struct tree *tree, size_t page,
	const struct lmdb_node *node, const unsigned char *data)
{
	bool duplicates = node->flags & LMDB_DUPLICATES;
	struct lmdb_tree sub;

	if (lmdb_data_size(node) != sizeof(sub) ||
		(!duplicates && tree->kind != TREE_MAIN))
		return lmdb_damaged(walk, page, "a tree where none can be");
	memcpy(&sub, data, sizeof(sub));
	tree->found.entries += duplicates ? sub.entries : 1;
	return walk_tree(walk, duplicates ? TREE_DUPLICATES : TREE_NAMED, &sub);
}

static status take_value(struct lmdb_walk *walk, struct tree *tree,
	const struct lmdb_node *node, const unsigned char *data)
{
	size_t size = lmdb_data_size(node), page = 0;
	status rc = STATUS_OK;

	tree->found.entries++;
	if (node->flags & LMDB_BIG) {
		memcpy(&page, data, sizeof(page));
		data = NULL;
		rc = use_overflow(walk, tree, page, size);
	}
	if (!failed(rc) && tree->kind == TREE_FREE)
		rc = lmdb_check_free_list(walk, data, page, size);
	return rc;
}

static status take_node(struct lmdb_walk *walk, struct tree *tree, size_t page,
	const struct lmdb_node *node, const unsigned char *data)
{
	bool plain = tree->kind == TREE_FREE || tree->kind == TREE_DUPLICATES;

	if ((node->flags & LMDB_DUPLICATES) && !(tree->said.flags & LMDB_HAS_DUPLICATES))
		plain = true;
	switch (node->flags & (LMDB_BIG | LMDB_SUBTREE | LMDB_DUPLICATES)) {
	case 0:
		return take_value(walk, tree, node, data);
	case LMDB_BIG:
		if (tree->kind == TREE_DUPLICATES)
			break;
		return take_value(walk, tree, node, data);
	case LMDB_DUPLICATES:
		if (plain)
			break;
		return take_duplicates(walk, tree, page, data, lmdb_data_size(node));
	case LMDB_SUBTREE:
	case LMDB_SUBTREE | LMDB_DUPLICATES:
		if (plain)
			break;
		return take_subtree(walk, tree, page, node, data);
	default:
		break;
	}
	return lmdb_damaged(walk, page, "an entry of an unknown kind");
}

/* ---- trees ---- */

static status walk_page(
	struct lmdb_walk *walk, struct tree *tree, size_t page, unsigned depth);

static status walk_nodes(struct lmdb_walk *walk, struct tree *tree, size_t page,
	const struct lmdb_view *view, unsigned depth)
{
	bool branch = view->head.flags & LMDB_BRANCH;
	status rc = STATUS_OK;

	for (size_t i = 0; i < view->count && !failed(rc); i++) {
		struct lmdb_node node;
		const unsigned char *data;
		const char *problem = lmdb_view_node(view, i, &node, &data);

		if (problem)
			return lmdb_damaged(walk, page, problem);
		rc = branch ? walk_page(walk, tree, lmdb_child(&node), depth + 1)
			    : take_node(walk, tree, page, &node, data);
	}
	return rc;
}

/* Keys of one size are those of trees of duplicates, which say the size too. */
static const char *check_keys(const struct tree *tree, const struct lmdb_view *view)
{
	bool keys = view->head.flags & LMDB_LEAF2;

	if (tree->kind != TREE_DUPLICATES)
		return keys ? "keys without values" : NULL;
	if (keys != has_fixed_size(tree) ||
		(keys && view->head.key_size != tree->said.key_size))
		return "its keys are of another size";
	return NULL;
}

static status enter(struct lmdb_walk *walk, struct tree *tree, size_t page,
	const unsigned char *bytes, unsigned depth)
{
	struct lmdb_view view;
	const char *problem = lmdb_view_page(bytes, walk->page_size, &view);
	bool leaf = view.head.flags & LMDB_LEAF;

	if (!problem && view.head.number != page)
		problem = "it says that it is another page";
	if (!problem && leaf != (depth == tree->said.depth))
		problem = "at the wrong depth of its tree";
	if (!problem && leaf)
		problem = check_keys(tree, &view);
	if (problem)
		return lmdb_damaged(walk, page, problem);
	if (leaf)
		tree->found.leaf_pages++;
	else
		tree->found.branch_pages++;
	if (view.head.flags & LMDB_LEAF2) {
		tree->found.entries += view.count;
		return STATUS_OK;
	}
	return walk_nodes(walk, tree, page, &view, depth);
}

static status walk_page(
	struct lmdb_walk *walk, struct tree *tree, size_t page, unsigned depth)
{
	unsigned char *bytes;
	status rc = lmdb_use_pages(walk, page, 1);

	if (failed(rc))
		return rc;
	if (depth > tree->said.depth)
		return lmdb_damaged(walk, page, "too deep in its tree");
	bytes = malloc(walk->page_size);
	if (!bytes)
		return status_no_memory();
	rc = lmdb_read_page(walk, page, 0, bytes, walk->page_size);
	if (!failed(rc))
		rc = enter(walk, tree, page, bytes, depth);
	free(bytes);
	return rc;
}

/* LMDB itself never looks at the counts of pages, and old versions got some wrong: that
 * is worth a word, but no reason to refuse the data. */
static status compare_counts(const struct lmdb_walk *walk, const struct tree *tree)
{
	const struct lmdb_tree *said = &tree->said, *found = &tree->found;

	if (said->entries != found->entries)
		return status_fail(hrDatabaseCorrupted,
			"%s: the tree at page %zu has %zu entries, and should have %zu",
			walk->path, said->root, found->entries, said->entries);
	if (said->branch_pages != found->branch_pages ||
		said->leaf_pages != found->leaf_pages ||
		said->overflow_pages != found->overflow_pages)
		trace(TRACE_INFO, "%s: the tree at page %zu has miscounted its pages",
			walk->path, said->root);
	return STATUS_OK;
}

static status walk_tree(
	struct lmdb_walk *walk, enum tree_kind kind, const struct lmdb_tree *said)
{
	struct tree tree = {.kind = kind, .said = *said};
	status rc = STATUS_OK;

	if (said->root != LMDB_NO_PAGE) {
		if (!said->depth || said->depth > LMDB_DEPTH_LIMIT)
			return lmdb_damaged(
				walk, said->root, "a tree of an impossible depth");
		rc = walk_page(walk, &tree, said->root, 1);
	}
	return failed(rc) ? rc : compare_counts(walk, &tree);
}

/* ---- files ---- */

static status walk_all(struct lmdb_walk *walk, const struct lmdb_meta *meta)
{
	status rc = walk_tree(walk, TREE_MAIN, &meta->main);

	if (!failed(rc))
		rc = walk_tree(walk, TREE_FREE, &meta->free);
	if (!failed(rc) && walk->seen_count != walk->page_count - LMDB_METAS)
		trace(TRACE_INFO, "%s: %zu pages are neither used nor free", walk->path,
			walk->page_count - LMDB_METAS - walk->seen_count);
	return rc;
}

status lmdb_check_state(const struct hosted_engine *host, const char *path, int fd,
	const struct lmdb_meta *meta)
{
	struct lmdb_walk walk = {.host = host,
		.path = path,
		.fd = fd,
		.page_size = lmdb_page_size(meta),
		.page_count = meta->last_page + 1};
	struct stat st;
	status rc;

	if (fstat(fd, &st) < 0)
		return status_errno(errno, "%s", path);
	walk.file_pages = (size_t)((uint64_t)st.st_size / walk.page_size);
	/* Pages that were never written may be missing at the end: within reason. */
	if (walk.page_count / MISSING_FACTOR > walk.file_pages + MISSING_PAGES)
		return status_fail(hrDatabaseCorrupted,
			"%s: %zu pages long, and should have %zu", path, walk.file_pages,
			walk.page_count);
	walk.seen = calloc(walk.page_count / 8 + 1, 1);
	if (!walk.seen)
		return status_no_memory();
	rc = walk_all(&walk, meta);
	free(walk.seen);
	return rc;
}

status lmdb_check_file(const struct hosted_engine *host, const char *path)
{
	struct lmdb_meta metas[LMDB_METAS];
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = lmdb_read_metas(fd, path, metas);
	if (!failed(rc))
		rc = lmdb_check_state(host, path, fd, lmdb_newest(metas));
	(void)close(fd);
	return rc;
}
