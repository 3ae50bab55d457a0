#include "common/set_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"

#define LIST_LIMIT (1u << 30)

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

char *set_dir_load(struct set_dir *set, const char *name, uint64_t limit, size_t *size)
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

char *set_dir_load_text(
	struct set_dir *set, const char *name, uint64_t limit, size_t *size)
{
	char *text = set_dir_load(set, name, limit, size), *label;

	if (!text || !memchr(text, '\0', *size))
		return text;
	label = tree_label(&set->tree, name);
	report_problem(ERROR_FILE_CORRUPT, label, "not a text");
	free(label);
	free(text);
	return NULL;
}

static bool load_sums(struct set_dir *set)
{
	size_t size = 0;
	char *text = set_dir_load_text(set, "SHA256SUMS", LIST_LIMIT, &size);
	char *label = tree_label(&set->tree, "SHA256SUMS");
	bool ok = text && sums_parse(&set->sums, text, label);

	free(label);
	free(text);
	return ok;
}

bool set_dir_open(struct set_dir *set, const char *dir)
{
	memset(set, 0, sizeof(*set));
	set->dir = xstrdup(dir);
	set->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree_init(&set->tree, set->fd, set->dir);
	if (set->fd < 0)
		return report_errno(errno, dir);
	return load_sums(set);
}

void set_dir_close(struct set_dir *set)
{
	tree_close(&set->tree);
	if (set->fd >= 0)
		close(set->fd);
	free(set->dir);
	sums_free(&set->sums);
	memset(set, 0, sizeof(*set));
	set->fd = -1;
}

/* ---- its files ---- */

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

static bool verify_sum(struct set_dir *set, struct sum *sum, struct digest *digest)
{
	const struct set_viewer *viewer = set->viewer;
	char *label = tree_label(&set->tree, sum->path), hex[DIGEST_SIZE];
	struct stat st;
	int fd = tree_open(&set->tree, sum->path, &st);
	bool ok = fd >= 0;

	if (viewer)
		viewer->begin(viewer->context, sum->path);
	ok = ok && set_read_file(fd, label, digest, viewer ? viewer->data : NULL,
			   viewer ? viewer->context : NULL, &sum->size, hex);
	if (ok && strcmp(hex, sum->hex) != 0)
		ok = report_problem(
			ERROR_CRC, label, "not what was saved: checksum differs");
	if (viewer)
		viewer->end(viewer->context, ok);
	if (fd >= 0)
		close(fd);
	free(label);
	return ok;
}

bool set_dir_verify(struct set_dir *set, struct digest *digest)
{
	bool ok = true;

	for (size_t i = 0; i < set->sums.count && !signals_caught(); i++)
		ok &= verify_sum(set, &set->sums.items[i], digest);
	return ok && !signals_caught();
}

static bool not_part(const struct set_dir *set, const char *relative, const char *why)
{
	char *label = tree_label(&set->tree, relative);

	report_problem(ERROR_FILE_CORRUPT, label, "%s", why);
	free(label);
	return false;
}

static bool is_place(const struct set_shape *shape, const char *relative)
{
	for (const char *const *place = shape->places; *place; place++)
		if (!strcmp(relative, *place))
			return true;
	return false;
}

struct extra {
	const struct set_dir *set;
	const struct set_shape *shape;
	bool found;
};

static bool visit(void *context, const char *relative, const struct stat *st)
{
	struct extra *extra = context;
	const struct sums *sums = &extra->set->sums;

	if (S_ISDIR(st->st_mode)) {
		if (is_place(extra->shape, relative) || sums_any_below(sums, relative))
			return true;
	} else if (!strcmp(relative, "SHA256SUMS") || sums_find(sums, relative)) {
		return true;
	}
	not_part(extra->set, relative, "not part of the set");
	extra->found = true;
	return true;
}

static bool is_described(const struct set_shape *shape, const char *relative)
{
	return !strcmp(relative, "backup.ini") || !strcmp(relative, "MANIFEST") ||
	       shape->described(shape->context, relative);
}

bool set_dir_verify_shape(struct set_dir *set, const struct set_shape *shape)
{
	struct extra extra = {.set = set, .shape = shape};
	bool ok = true;

	if (!sums_find(&set->sums, "backup.ini") || !sums_find(&set->sums, "MANIFEST"))
		ok = report_problem(ERROR_FILE_CORRUPT, set->dir,
			"SHA256SUMS has no backup.ini or no MANIFEST");
	for (size_t i = 0; i < set->sums.count; i++)
		if (!is_described(shape, set->sums.items[i].path))
			ok = not_part(set, set->sums.items[i].path, "not in MANIFEST");
	return tree_walk(&set->tree, visit, &extra) && !extra.found && ok;
}

bool set_dir_verify_size(const struct set_dir *set, const char *relative, uint64_t size)
{
	const struct sum *sum = sums_find(&set->sums, relative);

	return (sum && sum->size == size) ||
	       not_part(set, relative,
		       sum ? "not of the size that MANIFEST says" : "not in SHA256SUMS");
}
