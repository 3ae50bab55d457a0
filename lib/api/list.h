/*
 * list.h - lists as the public functions give them: one tagged block of names
 */
#ifndef API_LIST_H
#define API_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/text.h"

/* What the first character of a listed name says; the values of CSBFT_... and BFT_... */
enum list_tag {
	LIST_NO_TAG = 0,
	LIST_LOG = 0x21,
	LIST_LOG_DIR = 0x82,
	LIST_CHECKPOINT_DIR = 0x83,
	LIST_DATABASE = 0x44,
	LIST_PATCH_FILE = 0x25,
};

struct list_item {
	char *name; /* UTF-8, as unc.h writes it */
	enum list_tag tag;
};

/* All zero is the empty list. */
struct list {
	struct list_item *items;
	size_t count;
	size_t capacity;
};

/* Owns NAME (free()) from the call on, also when it fails; a NULL one is "out of memory".
 */
status list_take(struct list *list, enum list_tag tag, char *name);
void list_free(struct list *list);

/* One block of FAMILY, of characters of FORM: tag and name, NUL, ..., one more NUL; two
 * NULs for an empty list. *SIZE counts all of it in bytes. Over 4 GiB:
 * ERROR_NOT_ENOUGH_MEMORY. In narrow lists a tag is one raw byte. */
status list_pack(const struct list *list, enum alloc_family family, enum text_form form,
	void **block, uint32_t *size);

static inline status list_pack_narrow(
	const struct list *list, enum alloc_family family, char **block, uint32_t *size)
{
	void *packed = NULL;
	status rc = list_pack(list, family, TEXT_NARROW, &packed, size);

	if (!failed(rc))
		*block = packed;
	return rc;
}

#endif
