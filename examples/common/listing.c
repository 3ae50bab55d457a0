#include "common/listing.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

static bool add(struct listing *listing, const WCHAR *name, bool tagged, const char *what)
{
	struct listed *item;
	char *path = backupapi_path_from_name(name), *copy;

	if (!path)
		return report_call((int32_t)backupapi_get_last_error(), what);
	copy = xstrdup(path);
	backupapi_free(path);
	if (!path_is_clean(copy)) {
		report_problem(
			ERROR_INVALID_NAME, copy, "listed, but not an absolute path");
		free(copy);
		return false;
	}
	array_reserve(&listing->items, listing->count, &listing->capacity, sizeof(*item));
	item = &listing->items[listing->count++];
	memset(item, 0, sizeof(*item));
	item->name = name;
	item->tag = tagged ? (unsigned)name[0] : 0;
	item->path = copy;
	return true;
}

bool listing_get(struct listing *listing, const struct family *family, listing_call call,
	void *session, bool tagged, const char *what)
{
	uint32_t size = 0;
	int32_t rc;

	memset(listing, 0, sizeof(*listing));
	listing->family = family;
	rc = call(session, &listing->block, &size);
	if (FAILED(rc))
		return report_call(rc, what);
	for (const WCHAR *name = listing->block; *name; name += wcslen(name) + 1)
		if (!add(listing, name, tagged, what))
			return false;
	return true;
}

const char *listing_path(const struct listing *listing, unsigned tag)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->items[i].tag == tag)
			return listing->items[i].path;
	return NULL;
}

void listing_free(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->items[i].path);
	free(listing->items);
	if (listing->block)
		listing->family->free_list(listing->block);
	memset(listing, 0, sizeof(*listing));
}
