#include "sisbackup/volset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/report.h"
#include "common/signals.h"
#include "sisbackup/linkdata.h"
#include "sisbackup/places.h"
#include "sisbackup/stored.h"

#define INFO_LIMIT    (1u << 20)
#define CATALOG_LIMIT ((uint64_t)16 << 30)

static bool hash_text(
	struct digest *digest, const char *text, size_t size, const char *hex)
{
	char found[DIGEST_SIZE];

	for (size_t done = 0; done < size;) {
		size_t step = size - done < DIGEST_CHUNK ? size - done : DIGEST_CHUNK;

		memcpy(digest_buffer(digest), text + done, step);
		digest_add(digest, step);
		done += step;
	}
	digest_finish(digest, found);
	return strcmp(found, hex) == 0;
}

/* A whole file of the set; NULL: reported. */
static char *load(struct volset *set, const char *name, uint64_t limit, size_t *size)
{
	const struct sum *sum = sums_find(&set->files.sums, name);
	char *label = tree_label(&set->files.tree, name), *text = NULL;
	struct digest *digest = digest_new();

	if (!sum)
		report_problem(ERROR_FILE_CORRUPT, label, "not in SHA256SUMS");
	else
		text = set_dir_load_text(&set->files, name, limit, size);
	if (text && !hash_text(digest, text, *size, sum->hex)) {
		report_problem(ERROR_CRC, label, "not what was saved: checksum differs");
		free(text);
		text = NULL;
	}
	digest_free(digest);
	free(label);
	return text;
}

static bool load_info(struct volset *set)
{
	size_t size = 0;
	char *text = load(set, "backup.ini", INFO_LIMIT, &size);
	char *label = tree_label(&set->files.tree, "backup.ini");
	bool ok = text && volinfo_parse(&set->info, text, size, label);

	free(label);
	free(text);
	return ok;
}

static bool load_catalog(struct volset *set)
{
	size_t size = 0;
	char *text = load(set, "MANIFEST", CATALOG_LIMIT, &size);
	char *label = tree_label(&set->files.tree, "MANIFEST");
	bool ok = text && catalog_parse(&set->catalog, text, label);

	free(label);
	free(text);
	return ok;
}

bool volset_open(struct volset *set, const char *dir)
{
	memset(set, 0, sizeof(*set));
	return set_dir_open(&set->files, dir) && load_info(set) && load_catalog(set);
}

void volset_close(struct volset *set)
{
	set_dir_close(&set->files);
	volinfo_free(&set->info);
	catalog_free(&set->catalog);
}

uint64_t volset_count(const struct volset *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->catalog.count; i++)
		count += set->catalog.items[i].kind != ENTRY_DIRECTORY;
	return count;
}

uint64_t volset_bytes(const struct volset *set)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->catalog.count; i++)
		bytes += entry_stored_size(&set->catalog.items[i]);
	return bytes;
}

/* ---- verifying ---- */

static bool is_described(const void *context, const char *relative)
{
	const struct volset *set = context;
	const struct entry *entry = NULL;

	if (!strncmp(relative, "files/", 6)) {
		entry = catalog_find(&set->catalog, relative + 6);
		return entry && entry->kind == ENTRY_FILE;
	}
	return !strncmp(relative, "store/", 6) &&
	       catalog_find_store(&set->catalog, relative + 6);
}

/* The store file that is being read, whose checksum is computed beside it. */
struct reading {
	const struct volset *set;
	struct entry *store; /* NULL: it is none */
	struct places places;
	struct stored stored;
};

static void begin_file(void *context, const char *relative)
{
	struct reading *r = context;

	r->store = strncmp(relative, "store/", 6) != 0
			   ? NULL
			   : catalog_find_store(&r->set->catalog, relative + 6);
	if (!r->store)
		return;
	r->places = places_of(r->store);
	r->stored = (struct stored){0};
}

/* That there is more than MANIFEST says is for verify_size to find. */
static bool take_data(void *context, const void *data, size_t size)
{
	struct reading *r = context;
	const char *next = data;

	while (r->store && size > 0) {
		uint64_t offset;
		size_t step = places_next(&r->places, size, &offset);

		if (step == 0)
			break;
		stored_add(&r->stored, offset, next, step);
		places_pass(&r->places, step);
		next += step;
		size -= step;
	}
	return true;
}

static void end_file(void *context, bool good)
{
	struct reading *r = context;

	if (!r->store)
		return;
	r->store->checksum_known = good;
	r->store->checksum = stored_end(&r->stored, r->store->size);
}

static bool verify_sums(struct volset *set, struct digest *digest)
{
	struct reading reading = {.set = set};
	const struct set_viewer viewer = {.begin = begin_file,
		.data = take_data,
		.end = end_file,
		.context = &reading};
	bool ok;

	set->files.viewer = &viewer;
	ok = set_dir_verify(&set->files, digest);
	set->files.viewer = NULL;
	return ok;
}

/* A restore would give no link of another content back. A store file is named once. */
static bool verify_link(struct volset *set, const struct entry *link)
{
	struct entry *store = catalog_find_store(&set->catalog, link->target);
	char *location, *label;
	bool told;

	if (!store->checksum_known ||
		linkdata_fits(link, store->size, store->checksum, &told))
		return true;
	store->checksum_known = false;
	location = entry_location(store);
	label = tree_label(&set->files.tree, location);
	report_problem(ERROR_CRC, label, "not the content that the link %s was made from",
		link->path);
	free(label);
	free(location);
	return false;
}

static bool verify_size(const struct volset *set, const struct entry *entry)
{
	char *location = entry_location(entry);
	bool ok = !location ||
		  set_dir_verify_size(&set->files, location, entry_stored_size(entry));

	free(location);
	return ok;
}

static bool verify_entry(struct volset *set, const struct entry *entry)
{
	bool ok = verify_size(set, entry);

	return (entry->kind != ENTRY_LINK || verify_link(set, entry)) && ok;
}

bool volset_verify(struct volset *set, struct digest *digest)
{
	static const char *const places[] = {"files/", "store/", NULL};
	const struct set_shape shape = {
		.places = places, .described = is_described, .context = set};
	bool ok = verify_sums(set, digest);

	if (signals_caught())
		return false;
	for (size_t i = 0; i < set->catalog.count; i++)
		ok &= verify_entry(set, &set->catalog.items[i]);
	return set_dir_verify_shape(&set->files, &shape) && ok;
}
