/* Pages and nodes by themselves: nothing here follows a page number. */
#include "engine/mdb_check.h"

#include <string.h>

/* Such a page has no table of offsets: `lower` counts its keys alone, and with keys of one
 * byte `upper` grows past the page. */
static const char *check_keys(const struct lmdb_view *view)
{
	size_t keys = view->count * view->head.key_size;

	if (!view->head.key_size || keys > view->size - sizeof(view->head))
		return "its keys do not fit";
	return NULL;
}

const char *lmdb_view_page(
	const unsigned char *bytes, size_t size, struct lmdb_view *view)
{
	struct lmdb_page *head = &view->head;
	unsigned kind;

	*view = (struct lmdb_view){.bytes = bytes, .size = size};
	if (size < sizeof(*head))
		return "too small for a page";
	memcpy(head, bytes, sizeof(*head));
	kind = head->flags &
	       (LMDB_BRANCH | LMDB_LEAF | LMDB_OVERFLOW | LMDB_META | LMDB_LEAF2);
	if (kind != LMDB_BRANCH && kind != LMDB_LEAF && kind != (LMDB_LEAF | LMDB_LEAF2))
		return "not a page of a tree";
	if (head->lower < sizeof(*head) || head->lower % 2)
		return "its bounds are wrong";
	if (!(head->flags & LMDB_LEAF2) &&
		(head->lower > head->upper || head->upper > size))
		return "its bounds are wrong";
	view->count = (head->lower - sizeof(*head)) / sizeof(uint16_t);
	if (!view->count || (kind == LMDB_BRANCH && view->count < 2))
		return "too few entries";
	return head->flags & LMDB_LEAF2 ? check_keys(view) : NULL;
}

size_t lmdb_data_size(const struct lmdb_node *node)
{
	return node->low | (size_t)node->high << 16;
}

/* Shifting in two steps, for machines whose page numbers have 32 bits. */
size_t lmdb_child(const struct lmdb_node *node)
{
	size_t top = sizeof(size_t) > 4 ? node->flags : 0;

	return node->low | (size_t)node->high << 16 | top << 16 << 16;
}

static size_t data_in_page(const struct lmdb_view *view, const struct lmdb_node *node)
{
	if (view->head.flags & LMDB_BRANCH)
		return 0;
	return node->flags & LMDB_BIG ? sizeof(size_t) : lmdb_data_size(node);
}

const char *lmdb_view_node(const struct lmdb_view *view, size_t index,
	struct lmdb_node *node, const unsigned char **data)
{
	uint16_t offset;
	size_t room;

	memcpy(&offset, view->bytes + sizeof(view->head) + index * sizeof(offset),
		sizeof(offset));
	if (offset < view->head.upper || offset > view->size - sizeof(*node))
		return "an entry lies outside of it";
	memcpy(node, view->bytes + offset, sizeof(*node));
	room = view->size - offset - sizeof(*node);
	if (node->key_size > room || data_in_page(view, node) > room - node->key_size)
		return "an entry does not fit";
	*data = view->bytes + offset + sizeof(*node) + node->key_size;
	return NULL;
}
