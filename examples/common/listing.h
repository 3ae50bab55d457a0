/*
 * listing.h - the lists that the library gives, taken apart
 */
#ifndef COMMON_LISTING_H
#define COMMON_LISTING_H

#include "common/family.h"

struct listed {
	const WCHAR *name; /* as listed, tag included; points into the list's block */
	unsigned tag;      /* TAG_..., 0 in lists without tags */
	char *path;        /* the POSIX path behind it */
	uint64_t size;     /* for whoever finds it out */
};

struct listing {
	const struct family *family;
	WCHAR *block;
	struct listed *items;
	size_t count, capacity;
};

/* One of the family's functions that list. False: reported. TAGGED: each name has a tag.
 */
typedef int32_t (*listing_call)(void *session, WCHAR **list, uint32_t *size);
bool listing_get(struct listing *listing, const struct family *family, listing_call call,
	void *session, bool tagged, const char *what);

/* What the library's own functions list: plain paths, one after the other, an empty one at
 * the end. False: reported. The items have paths alone. */
bool listing_of_paths(struct listing *listing, const char *paths);

/* The path of the first item with TAG, or NULL. */
const char *listing_path(const struct listing *listing, unsigned tag);

void listing_free(struct listing *listing);

#endif
