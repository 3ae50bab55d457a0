#include "common/set_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"

#define INFO_LIMIT  (16u << 20)
#define LIST_LIMIT  (1u << 30)
#define TOKEN_LIMIT (1u << 20)

/* ---- what describes a set ---- */

static bool read_all(int fd, char *data, size_t size, const char *label)
{
	while (size > 0) {
		ssize_t n = read(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return report_errno(errno, label);
		if (n == 0)
			return report_problem(
				ERROR_FILE_CORRUPT, label, "shrank while it was read");
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* The whole file NAME with a NUL behind it; NULL: reported. */
static char *load(struct set *set, const char *name, uint64_t limit, size_t *size)
{
	char *label = tree_label(&set->tree, name), *data = NULL;
	struct stat st;
	int fd = tree_open(&set->tree, name, &st);

	if (fd >= 0 && (uint64_t)st.st_size > limit)
		report_problem(ERROR_FILE_CORRUPT, label, "too large to be true");
	else if (fd >= 0) {
		*size = (size_t)st.st_size;
		data = xmalloc(*size + 1);
		if (!read_all(fd, data, *size, label)) {
			free(data);
			data = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	free(label);
	return data;
}

/* The same for a file that must be text. */
static char *load_text(struct set *set, const char *name, uint64_t limit, size_t *size)
{
	char *text = load(set, name, limit, size), *label;

	if (!text || !memchr(text, '\0', *size))
		return text;
	label = tree_label(&set->tree, name);
	report_problem(ERROR_FILE_CORRUPT, label, "not a text");
	free(label);
	free(text);
	return NULL;
}

static bool load_info(struct set *set)
{
	size_t size = 0;
	char *text = load_text(set, "backup.ini", INFO_LIMIT, &size);
	char *label = tree_label(&set->tree, "backup.ini");
	bool ok = text && setinfo_parse(&set->info, text, size, label);

	free(label);
	free(text);
	return ok;
}

static bool load_sums(struct set *set)
{
	size_t size = 0;
	char *text = load_text(set, "SHA256SUMS", LIST_LIMIT, &size);
	char *label = tree_label(&set->tree, "SHA256SUMS");
	bool ok = text && sums_parse(&set->sums, text, label);

	free(label);
	free(text);
	return ok;
}

static bool load_manifest(struct set *set)
{
	size_t size = 0;
	char *text = load_text(set, "MANIFEST", LIST_LIMIT, &size);
	char *label = tree_label(&set->tree, "MANIFEST");
	bool ok = text && manifest_parse(&set->manifest, text, label);

	free(label);
	free(text);
	return ok;
}

static bool load_token(struct set *set)
{
	if (!sums_find(&set->sums, "token"))
		return true;
	set->token.data = load(set, "token", TOKEN_LIMIT, &set->token.size);
	return set->token.data != NULL;
}

bool set_open(struct set *set, const char *dir)
{
	memset(set, 0, sizeof(*set));
	set->dir = xstrdup(dir);
	set->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_init(&set->tree, set->fd, set->dir);
	if (set->fd < 0)
		return report_errno(errno, dir);
	return load_info(set) && load_sums(set) && load_manifest(set) && load_token(set);
}

void set_close(struct set *set)
{
	tree_close(&set->tree);
	if (set->fd >= 0)
		close(set->fd);
	free(set->dir);
	setinfo_free(&set->info);
	manifest_free(&set->manifest);
	sums_free(&set->sums);
	free(set->token.data);
	memset(set, 0, sizeof(*set));
	set->fd = -1;
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
	int fd = tree_open(&set->tree, relative, &st);

	free(relative);
	return fd;
}

const char *set_item_sum(const struct set *set, const struct item *item)
{
	char *relative = item_location(item->kind, item->path);
	const struct sum *sum = sums_find(&set->sums, relative);

	free(relative);
	return sum ? sum->hex : "";
}

/* A full buffer, or what is left of the file. -1: errno. */
static ssize_t read_chunk(int fd, char *buffer)
{
	size_t got = 0;

	while (got < DIGEST_CHUNK) {
		ssize_t n = read(fd, buffer + got, DIGEST_CHUNK - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

bool set_read_file(int fd, const char *label, struct digest *digest, set_sink sink,
	void *context, uint64_t *size, char hex[DIGEST_SIZE])
{
	bool ok = true;
	ssize_t n = 0;

	*size = 0;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	do {
		char *buffer = digest_buffer(digest);

		if (signals_caught()) {
			ok = false;
			break;
		}
		n = read_chunk(fd, buffer);
		if (n < 0)
			ok = report_errno(errno, label);
		if (n <= 0)
			break;
		digest_add(digest, (size_t)n);
		if (sink)
			ok = sink(context, buffer, (size_t)n);
		*size += (uint64_t)n;
		progress_add((uint64_t)n);
	} while (ok);
	digest_finish(digest, hex);
	return ok;
}

/* ---- verifying ---- */

static bool verify_sum(struct set *set, struct sum *sum, struct digest *digest)
{
	char *label = tree_label(&set->tree, sum->path), hex[DIGEST_SIZE];
	struct stat st;
	int fd = tree_open(&set->tree, sum->path, &st);
	bool ok =
		fd >= 0 && set_read_file(fd, label, digest, NULL, NULL, &sum->size, hex);

	if (ok && strcmp(hex, sum->hex) != 0)
		ok = report_problem(
			ERROR_CRC, label, "not what was saved: checksum differs");
	if (fd >= 0)
		close(fd);
	free(label);
	return ok;
}

static bool verify_item(const struct set *set, const struct item *item)
{
	char *relative = item_location(item->kind, item->path), *label;
	const struct sum *sum = relative ? sums_find(&set->sums, relative) : NULL;
	bool ok = !relative || (sum && sum->size == item->size);

	if (!ok) {
		label = tree_label(&set->tree, relative);
		report_problem(ERROR_FILE_CORRUPT, label,
			sum ? "not of the size that MANIFEST says" : "not in SHA256SUMS");
		free(label);
	}
	free(relative);
	return ok;
}

static bool is_described(const struct set *set, const char *relative)
{
	static const char *const own[] = {"backup.ini", "MANIFEST", "token"};
	static const struct {
		const char *prefix;
		enum item_kind first, last;
	} places[] = {
		{"databases/", ITEM_DATABASE, ITEM_DATABASE},
		{"logs/", ITEM_LOG, ITEM_PATCH},
		{"dynamic/", ITEM_DYNAMIC, ITEM_DYNAMIC},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(relative, own[i]))
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

static bool verify_described(const struct set *set, const struct sum *sum)
{
	char *label;

	if (is_described(set, sum->path))
		return true;
	label = tree_label(&set->tree, sum->path);
	report_problem(ERROR_FILE_CORRUPT, label, "not in MANIFEST");
	free(label);
	return false;
}

static bool is_set_directory(const char *relative)
{
	return !strcmp(relative, "databases/") || !strcmp(relative, "logs/") ||
	       !strcmp(relative, "dynamic/");
}

struct extra {
	const struct set *set;
	bool found;
};

static bool visit(void *context, const char *relative, const struct stat *st)
{
	struct extra *extra = context;
	const struct sums *sums = &extra->set->sums;
	char *label;

	if (S_ISDIR(st->st_mode)) {
		if (is_set_directory(relative) || sums_any_below(sums, relative))
			return true;
	} else if (!strcmp(relative, "SHA256SUMS") || sums_find(sums, relative)) {
		return true;
	}
	label = tree_label(&extra->set->tree, relative);
	report_problem(ERROR_FILE_CORRUPT, label, "not part of the set");
	free(label);
	extra->found = true;
	return true;
}

static bool verify_nothing_else(struct set *set)
{
	struct extra extra = {.set = set};

	return tree_walk(&set->tree, visit, &extra) && !extra.found;
}

static bool verify_own_files(const struct set *set)
{
	return (sums_find(&set->sums, "backup.ini") &&
		       sums_find(&set->sums, "MANIFEST")) ||
	       report_problem(ERROR_FILE_CORRUPT, set->dir,
		       "SHA256SUMS has no backup.ini or no MANIFEST");
}

bool set_verify(struct set *set, struct digest *digest)
{
	bool ok = verify_own_files(set);

	for (size_t i = 0; i < set->sums.count && !signals_caught(); i++)
		ok &= verify_sum(set, &set->sums.items[i], digest);
	if (signals_caught())
		return false;
	for (size_t i = 0; i < set->manifest.count; i++)
		ok &= verify_item(set, &set->manifest.items[i]);
	for (size_t i = 0; i < set->sums.count; i++)
		ok &= verify_described(set, &set->sums.items[i]);
	return verify_nothing_else(set) && ok;
}

static bool verify_database(
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
	char *root = realpath(set->dir, NULL);
	bool ok = true;

	if (!root)
		return report_errno(errno, set->dir);
	for (size_t i = 0; i < set->manifest.count && !signals_caught(); i++)
		if (set->manifest.items[i].kind == ITEM_DATABASE)
			ok &= verify_database(set, root, &set->manifest.items[i]);
	free(root);
	return ok;
}
