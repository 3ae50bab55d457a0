#include "common/set_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/signals.h"

#define INFO_LIMIT  (16u << 20)
#define LIST_LIMIT  (1u << 30)
#define TOKEN_LIMIT (1u << 20)

/* ---- what describes a set ---- */

static bool load_info(struct set *set)
{
	size_t size = 0;
	char *text = set_dir_load_text(&set->files, "backup.ini", INFO_LIMIT, &size);
	char *label = tree_label(&set->files.tree, "backup.ini");
	bool ok = text && setinfo_parse(&set->info, text, size, label);

	free(label);
	free(text);
	return ok;
}

static bool load_manifest(struct set *set)
{
	size_t size = 0;
	char *text = set_dir_load_text(&set->files, "MANIFEST", LIST_LIMIT, &size);
	char *label = tree_label(&set->files.tree, "MANIFEST");
	bool ok = text && manifest_parse(&set->manifest, text, label);

	free(label);
	free(text);
	return ok;
}

static bool load_token(struct set *set)
{
	if (!sums_find(&set->files.sums, "token"))
		return true;
	set->token.data =
		set_dir_load(&set->files, "token", TOKEN_LIMIT, &set->token.size);
	return set->token.data != NULL;
}

bool set_open(struct set *set, const char *dir)
{
	memset(set, 0, sizeof(*set));
	return set_dir_open(&set->files, dir) && load_info(set) && load_manifest(set) &&
	       load_token(set);
}

void set_close(struct set *set)
{
	set_dir_close(&set->files);
	setinfo_free(&set->info);
	manifest_free(&set->manifest);
	free(set->token.data);
	memset(set, 0, sizeof(*set));
	set->files.fd = -1;
}

uint64_t set_files(const struct set *set)
{
	uint64_t files = 0;

	for (size_t i = 0; i < set->manifest.count; i++)
		files += set->manifest.items[i].kind != ITEM_DIRECTORY;
	return files;
}

uint64_t set_bytes(const struct set *set)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->manifest.count; i++)
		if (set->manifest.items[i].kind != ITEM_DIRECTORY)
			bytes += set->manifest.items[i].size;
	return bytes;
}

/* ---- its files ---- */

int set_open_item(struct set *set, const struct item *item)
{
	char *relative = item_location(item->kind, item->path);
	struct stat st;
	int fd = tree_open(&set->files.tree, relative, &st);

	free(relative);
	return fd;
}

const char *set_item_sum(const struct set *set, const struct item *item)
{
	char *relative = item_location(item->kind, item->path);
	const struct sum *sum = sums_find(&set->files.sums, relative);

	free(relative);
	return sum ? sum->hex : "";
}

/* ---- verifying ---- */

static bool verify_item(const struct set *set, const struct item *item)
{
	char *relative = item_location(item->kind, item->path);
	bool ok = !relative || set_dir_verify_size(&set->files, relative, item->size);

	free(relative);
	return ok;
}

static bool is_described(const void *context, const char *relative)
{
	const struct set *set = context;
	static const struct {
		const char *prefix;
		enum item_kind first, last;
	} places[] = {
		{"databases/", ITEM_DATABASE, ITEM_DATABASE},
		{"logs/", ITEM_LOG, ITEM_PATCH},
		{"dynamic/", ITEM_DYNAMIC, ITEM_DYNAMIC},
	};

	if (!strcmp(relative, "token"))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t length = strlen(places[i].prefix);

		if (strncmp(relative, places[i].prefix, length) != 0)
			continue;
		for (enum item_kind kind = places[i].first; kind <= places[i].last;
			kind++)
			if (manifest_find(&set->manifest, kind, relative + length - 1))
				return true;
	}
	return false;
}

bool set_verify(struct set *set, struct digest *digest)
{
	static const char *const places[] = {"databases/", "logs/", "dynamic/", NULL};
	const struct set_shape shape = {
		.places = places, .described = is_described, .context = set};
	bool ok = set_dir_verify(&set->files, digest);

	if (signals_caught())
		return false;
	for (size_t i = 0; i < set->manifest.count; i++)
		ok &= verify_item(set, &set->manifest.items[i]);
	return set_dir_verify_shape(&set->files, &shape) && ok;
}

/* Copied while they were written, such databases are whole only once the logs are replayed:
 * recovery checks them then. */
static bool is_whole(const struct set *set, const struct item *item)
{
	return item->kind != ITEM_DATABASE || strcmp(set->info.engine, "bdb") != 0;
}

static bool has_own_checks(const struct item *item)
{
	return item->kind == ITEM_DATABASE || item->kind == ITEM_LOG;
}

static bool verify_format(
	const struct set *set, const char *root, const struct item *item)
{
	char *relative = item_location(item->kind, item->path);
	char *path = xasprintf("%s/%s", root, relative);
	int32_t rc = backupapi_verify_file(set->info.engine, path);
	bool ok = !FAILED(rc) || report_call(rc, path);

	free(path);
	free(relative);
	return ok;
}

bool set_verify_databases(struct set *set)
{
	char *root = realpath(set->files.dir, NULL);
	bool ok = true;

	if (!root)
		return report_errno(errno, set->files.dir);
	for (size_t i = 0; i < set->manifest.count && !signals_caught(); i++)
		if (has_own_checks(&set->manifest.items[i]) &&
			is_whole(set, &set->manifest.items[i]))
			ok &= verify_format(set, root, &set->manifest.items[i]);
	free(root);
	return ok;
}
