#include "common/set_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

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

/* A file can be gone by now: the set has the state of the backup's beginning. Then it
 * gets its directory's owner, and a mode that tells nobody anything. */
static bool read_meta(enum item_kind kind, const char *path, struct meta *meta)
{
	int err = meta_read(path, meta);
	char *other = NULL;

	if (err == ENOENT && kind == ITEM_LOG && (other = without_part_suffix(path)))
		err = meta_read(other, meta);
	free(other);
	if (err == ENOENT) {
		other = path_parent(path);
		err = meta_read(other, meta);
		free(other);
		if (err == 0) {
			free(meta->acl);
			free(meta->default_acl);
			meta->acl = meta->default_acl = NULL;
			meta->mode = 0600;
		}
	}
	return err == 0 || err == ENOENT || report_errno(err, path);
}

static bool note_directories(struct set_writer *w, const char *path)
{
	char *directory = path_parent(path);

	if (w->last_parent && !strcmp(w->last_parent, directory)) {
		free(directory);
		return true;
	}
	while (strcmp(directory, "/") != 0 &&
		!(w->last_parent && path_is_below(w->last_parent, directory))) {
		struct meta meta;
		char *above = path_parent(directory);
		int err = meta_read(directory, &meta);

		if (err == 0)
			manifest_add(&w->manifest, ITEM_DIRECTORY, directory)->meta =
				meta;
		else if (err != ENOENT)
			report_errno(err, directory);
		free(directory);
		directory = above;
		if (err != 0 && err != ENOENT) {
			free(directory);
			return false;
		}
	}
	free(directory);
	free(w->last_parent);
	w->last_parent = path_parent(path);
	return true;
}

bool set_writer_add(struct set_writer *w, enum item_kind kind, const char *path,
	const struct source *source)
{
	char *relative;
	struct meta meta;
	uint64_t size = 0;
	struct item *item;
	bool ok, read_failed;

	if (!note_directories(w, path) || !read_meta(kind, path, &meta))
		return false;
	relative = item_location(kind, path);
	ok = set_output_file(w->output, relative, source, &size, &read_failed);
	free(relative);
	if (!ok) {
		meta_free(&meta);
		return false;
	}
	item = manifest_add(&w->manifest, kind, path);
	item->meta = meta;
	item->size = size;
	w->files++;
	w->bytes += size;
	return true;
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
