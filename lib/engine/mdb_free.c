/* What a transaction freed is one record: a count, then page numbers that fall. */
#include "engine/mdb_check.h"

#include <stdlib.h>
#include <string.h>

enum { PORTION = 512 };

struct list {
	const unsigned char *data; /* or NULL: on PAGE */
	size_t page;
};

/* COUNT numbers from the one with number INDEX on. */
static status read_numbers(struct lmdb_walk *walk, const struct list *list, size_t index,
	size_t *numbers, size_t count)
{
	if (!list->data)
		return lmdb_read_page(walk, list->page,
			sizeof(struct lmdb_page) + index * sizeof(*numbers), numbers,
			count * sizeof(*numbers));
	memcpy(numbers, list->data + index * sizeof(*numbers), count * sizeof(*numbers));
	return STATUS_OK;
}

static status use_numbers(struct lmdb_walk *walk, const struct list *list, size_t count)
{
	size_t last = SIZE_MAX;
	status rc = STATUS_OK;

	for (size_t done = 0; done < count && !failed(rc);) {
		size_t numbers[PORTION];
		size_t n = count - done < PORTION ? count - done : PORTION;

		rc = read_numbers(walk, list, 1 + done, numbers, n);
		for (size_t i = 0; i < n && !failed(rc); i++) {
			if (numbers[i] >= last)
				return lmdb_damaged(walk, numbers[i],
					"out of order in the list of free pages");
			last = numbers[i];
			rc = lmdb_use_pages(walk, last, 1);
		}
		done += n;
	}
	return rc;
}

status lmdb_check_free_list(
	struct lmdb_walk *walk, const unsigned char *data, size_t page, size_t size)
{
	const struct list list = {.data = data, .page = page};
	size_t count;
	status rc;

	if (size < sizeof(count))
		return lmdb_damaged(walk, page, "a list of free pages without a length");
	rc = read_numbers(walk, &list, 0, &count, 1);
	if (failed(rc))
		return rc;
	if (count > size / sizeof(count) - 1)
		return lmdb_damaged(
			walk, page, "a list of free pages longer than its record");
	return use_numbers(walk, &list, count);
}
