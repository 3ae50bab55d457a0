#include "common/listing.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

/* The new item, or NULL: reported. */
static struct listed *add_path(struct listing *listing, const char *path)
{
	struct listed *item;

	if (!path_is_clean(path)) {
		report_problem(
			ERROR_INVALID_NAME, path, "listed, but not an absolute path");
		return NULL;
	}
	array_reserve(&listing->items, listing->count, &listing->capacity, sizeof(*item));
	item = &listing->items[listing->count++];
	memset(item, 0, sizeof(*item));
	item->path = xstrdup(path);
	return item;
}

static bool add(struct listing *listing, const WCHAR *name, bool tagged, const char *what)
{
	char *path = backupapi_path_from_name(name);
	struct listed *item;

	if (!path)
		return report_call((int32_t)backupapi_get_last_error(), what);
	item = add_path(listing, path);
	backupapi_free(path);
	if (!item)
		return false;
	item->name = name;
	item->tag = tagged ? (unsigned)name[0] : 0;
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

bool listing_of_paths(struct listing *listing, const char *paths)
{
	memset(listing, 0, sizeof(*listing));
	for (; *paths; paths += strlen(paths) + 1)
		if (!add_path(listing, paths))
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
