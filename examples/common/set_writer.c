#include "common/set_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "common/trusted.h"

struct set_writer {
	struct set_output *output;
	struct manifest manifest;
	char *last_parent; /* whose directories are in the manifest */
	uint64_t files, bytes;
};

struct set_writer *set_writer_new(const char *target)
{
	struct set_writer *w = xmalloc(sizeof(*w));

	w->output = set_output_new(target, SET_SYNC_FILES);
	if (w->output)
		return w;
	set_writer_free(w);
	return NULL;
}

bool set_writer_check_room(const struct set_writer *w, uint64_t bytes, uint64_t files)
{
	return set_output_check_room(w->output, bytes, files);
}

bool set_writer_begin(struct set_writer *w)
{
	if (!set_output_begin(w->output))
		return false;
	for (enum item_kind kind = ITEM_DATABASE; kind <= ITEM_DYNAMIC; kind++) {
		char *place = item_location(kind, "");
		bool ok = set_output_directory(w->output, place);

		free(place);
		if (!ok)
			return false;
	}
	return true;
}

bool set_writer_add_data(
	struct set_writer *w, const char *name, const void *data, size_t size)
{
	return set_output_data(w->output, name, data, size);
}

/* ---- what the file was ---- */

/* The unfinished newest log is listed as <log>.part-<length>. */
static char *without_part_suffix(const char *path)
{
	const char *suffix = strstr(path_base(path), ".part-");
	uint64_t length;

	if (!suffix || !str_number(suffix + strlen(".part-"), UINT64_MAX, &length))
		return NULL;
	return xstrndup(path, (size_t)(suffix - path));
}

enum look { LOOK_FOUND, LOOK_NOTHING, LOOK_FAILED };

static enum look read_open(int fd, const char *path, struct meta *meta)
{
	int err = meta_read(fd, meta);

	if (err == 0)
		return LOOK_FOUND;
	report_errno(err, path);
	return LOOK_FAILED;
}

static enum look look_at(const char *path, struct meta *meta)
{
	int fd = trusted_find(path);
	enum look found;

	memset(meta, 0, sizeof(*meta));
	if (fd < 0)
		return errno == ENOENT ? LOOK_NOTHING : LOOK_FAILED;
	found = read_open(fd, path, meta);
	close(fd);
	return found;
}

/* The directory's owner, and a mode that tells nobody anything. */
static enum look look_above(const char *path, struct meta *meta)
{
	char *above = path_parent(path);
	enum look found = look_at(above, meta);

	free(above);
	if (found != LOOK_FOUND)
		return found;
	free(meta->acl);
	free(meta->default_acl);
	meta->acl = meta->default_acl = NULL;
	meta->mode = 0600;
	return LOOK_FOUND;
}

/* A file can be gone by now: the set has the state of the backup's beginning. */
static bool read_meta(enum item_kind kind, const char *path, struct meta *meta)
{
	enum look found = look_at(path, meta);
	char *other = NULL;

	if (found == LOOK_NOTHING && kind == ITEM_LOG &&
		(other = without_part_suffix(path)))
		found = look_at(other, meta);
	free(other);
	if (found == LOOK_NOTHING)
		found = look_above(path, meta);
	return found != LOOK_FAILED;
}

static bool note_directory(struct set_writer *w, const char *directory)
{
	struct meta meta;
	enum look found = look_at(directory, &meta);

	if (found == LOOK_FOUND)
		manifest_add(&w->manifest, ITEM_DIRECTORY, directory)->meta = meta;
	return found != LOOK_FAILED;
}

/* Those above PATH, as far as the last file's were not the same. */
static bool note_directories(struct set_writer *w, const char *path)
{
	char *parent = path_parent(path), *directory = xstrdup(parent);
	bool ok = true;

	while (ok && strcmp(directory, "/") != 0 &&
		!(w->last_parent && path_is_below(w->last_parent, directory))) {
		char *above = path_parent(directory);

		ok = note_directory(w, directory);
		free(directory);
		directory = above;
	}
	free(directory);
	free(w->last_parent);
	w->last_parent = parent;
	return ok;
}

static void note_file(struct set_writer *w, enum item_kind kind, const char *path,
	uint64_t size, const struct meta *meta)
{
	struct item *item = manifest_add(&w->manifest, kind, path);

	item->meta = *meta;
	item->size = size;
	w->files++;
	w->bytes += size;
}

bool set_writer_add(struct set_writer *w, enum item_kind kind, const char *path, int fd,
	const struct source *source)
{
	char *relative;
	struct meta meta;
	uint64_t size = 0;
	bool ok, read_failed;

	if (!note_directories(w, path))
		return false;
	if (fd >= 0 ? read_open(fd, path, &meta) != LOOK_FOUND
		    : !read_meta(kind, path, &meta))
		return false;
	relative = item_location(kind, path);
	ok = set_output_file(w->output, relative, source, &size, &read_failed);
	free(relative);
	if (ok)
		note_file(w, kind, path, size, &meta);
	else
		meta_free(&meta);
	return ok;
}

bool set_writer_forget_last(struct set_writer *w)
{
	struct item *item = &w->manifest.items[w->manifest.count - 1];

	if (!set_output_forget_last(w->output))
		return false;
	w->files--;
	w->bytes -= item->size;
	free(item->path);
	meta_free(&item->meta);
	w->manifest.count--;
	return true;
}

/* ---- the end ---- */

static void write_info(const void *context, FILE *file)
{
	setinfo_write(context, file);
}

static void write_manifest(const void *context, FILE *file)
{
	manifest_write(context, file);
}

bool set_writer_publish(struct set_writer *w, const struct setinfo *info)
{
	manifest_sort(&w->manifest);
	return set_output_text(w->output, "backup.ini", write_info, info) &&
	       set_output_text(w->output, "MANIFEST", write_manifest, &w->manifest) &&
	       set_output_publish(w->output);
}

void set_writer_free(struct set_writer *w)
{
	if (!w)
		return;
	set_output_free(w->output);
	manifest_free(&w->manifest);
	free(w->last_parent);
	free(w);
}

uint64_t set_writer_files(const struct set_writer *w)
{
	return w->files;
}

uint64_t set_writer_bytes(const struct set_writer *w)
{
	return w->bytes;
}
