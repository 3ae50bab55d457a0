/*
 * The contents are compared byte by byte, and the set's with its SHA-256: a list of
 * checksums proves nothing about what a set holds.
 */
#include "sisbackup/rebind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "sis/content_checksum.h"
#include "sis/words.h"
#include "sisbackup/linkdata.h"
#include "sisbackup/places.h"

#define STORE_NAME    41 /* GUID, ".sis", NUL */
#define COMPARE_CHUNK (64u << 10)

/* ---- contents ---- */

struct comparing {
	int fd; /* the volume's */
	struct places places;
	uint64_t position;
	char *buffer;
};

static bool read_exactly(struct comparing *c, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = pread(
			c->fd, c->buffer + got, size - got, (off_t)(c->position + got));

		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
		if (n > 0)
			got += (size_t)n;
	}
	c->position += size;
	return true;
}

static bool zeros_up_to(struct comparing *c, uint64_t end)
{
	while (c->position < end) {
		uint64_t left = end - c->position;
		size_t step = left < COMPARE_CHUNK ? (size_t)left : COMPARE_CHUNK;

		if (!read_exactly(c, step) || c->buffer[0] != 0 ||
			memcmp(c->buffer, c->buffer + 1, step - 1) != 0)
			return false;
	}
	return c->position == end;
}

static bool compare(void *context, const void *data, size_t size)
{
	struct comparing *c = context;
	const char *from = data;

	while (size > 0) {
		uint64_t offset;
		size_t step = places_next(
			&c->places, size < COMPARE_CHUNK ? size : COMPARE_CHUNK, &offset);

		if (step == 0 || !zeros_up_to(c, offset) || !read_exactly(c, step) ||
			memcmp(c->buffer, from, step) != 0)
			return false;
		places_pass(&c->places, step);
		from += step;
		size -= step;
	}
	return true;
}

/* Has the volume's store file, open as FD, what the set holds for STORE? */
static bool same_content(struct restore *r, const struct entry *store, int fd)
{
	struct comparing c = {
		.fd = fd, .places = places_of(store), .buffer = xmalloc(COMPARE_CHUNK)};
	char *location = entry_location(store), hex[DIGEST_SIZE];
	const struct sum *sum = sums_find(&r->set.files.sums, location);
	struct stat st;
	uint64_t size;
	int from = tree_open(&r->set.files.tree, location, &st);
	bool same = from >= 0 && sum &&
		    set_read_file(from, location, r->digest, compare, &c, &size, hex) &&
		    zeros_up_to(&c, store->size) && !strcmp(hex, sum->hex);

	if (from >= 0)
		close(from);
	free(location);
	free(c.buffer);
	return same && fstat(fd, &st) == 0 && (uint64_t)st.st_size == store->size;
}

/* Would the link get another content on this volume than it has in the set? One that
 * cannot be looked at counts as another. */
static bool is_taken(struct restore *r, const struct entry *store)
{
	char *path = xasprintf(STORE_DIRECTORY "/%s", store->path);
	struct stat st;
	int err = tree_look(&r->tree, path, &st), fd;
	bool taken = err != ENOENT;

	if (err == 0 && S_ISREG(st.st_mode)) {
		fd = tree_open(&r->tree, path, &st);
		taken = fd < 0 || !same_content(r, store, fd);
		if (fd >= 0)
			close(fd);
	}
	free(path);
	return taken;
}

/* ---- names ---- */

static void name_of(const unsigned char g[16], char name[STORE_NAME])
{
	snprintf(name, STORE_NAME,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x."
		"sis",
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11],
		g[12], g[13], g[14], g[15]);
}

static bool make_guid(unsigned char guid[16])
{
	if (getrandom(guid, 16, 0) != 16)
		return report_errno(errno, "random numbers");
	guid[7] = (unsigned char)((guid[7] & 0x0f) | 0x40);
	guid[8] = (unsigned char)((guid[8] & 0x3f) | 0x80);
	return true;
}

/* Over the 32-bit words of the data ahead of it. */
static void put_checksum(unsigned char *buffer)
{
	struct content_checksum hash = {0}; /* the same as over contents */

	content_checksum_add(
		&hash, buffer + LINK_DATA_AT, LINK_CHECKSUM_AT - LINK_DATA_AT);
	words_store_u64(buffer + LINK_CHECKSUM_AT, content_checksum_end(&hash));
}

/* ---- what was decided ---- */

struct binding {
	bool decided, fresh, failed;
	unsigned char guid[16]; /* where it is fresh */
	char name[STORE_NAME];
};

static struct binding *decide(struct restore *r, const struct entry *store)
{
	size_t index = (size_t)(store - r->set.catalog.items);
	struct binding *b;
	char *path, *shown;

	if (!r->bindings)
		r->bindings = xmalloc(r->set.catalog.count * sizeof(*r->bindings));
	b = &r->bindings[index];
	if (b->decided)
		return b;
	b->decided = true;
	b->fresh = is_taken(r, store);
	if (!b->fresh)
		return b;
	b->failed = !make_guid(b->guid);
	name_of(b->guid, b->name);
	path = xasprintf("%s/" STORE_DIRECTORY "/%s", r->root, store->path);
	shown = str_display(path);
	report_note("%s: has another content than in the set, whose links get a "
		    "common-store file of their own",
		shown);
	free(path);
	free(shown);
	return b;
}

unsigned char *rebind_link(struct restore *r, const struct entry *entry)
{
	const struct entry *store = catalog_find_store(&r->set.catalog, entry->target);
	unsigned char *buffer = xmalloc(entry->reparse_size);
	const struct binding *b;
	char name[STORE_NAME];

	memcpy(buffer, entry->reparse, entry->reparse_size);
	if (!linkdata_is_known(entry))
		return buffer;
	name_of(buffer + LINK_GUID_AT, name);
	b = store && !strcmp(name, store->path) ? decide(r, store) : NULL;
	if (!b || b->failed) {
		free(buffer);
		return NULL;
	}
	if (b->fresh) {
		memcpy(buffer + LINK_GUID_AT, b->guid, sizeof(b->guid));
		put_checksum(buffer);
	}
	return buffer;
}

const struct entry *rebind_store_entry(const struct restore *r, const char *name)
{
	const struct entry *entry = catalog_find_store(&r->set.catalog, name);
	size_t count = r->bindings ? r->set.catalog.count : 0;

	for (size_t i = 0; i < count && !entry; i++)
		if (r->bindings[i].fresh && !strcmp(r->bindings[i].name, name))
			entry = &r->set.catalog.items[i];
	return entry;
}

void rebind_free(struct restore *r)
{
	free(r->bindings);
	r->bindings = NULL;
}
