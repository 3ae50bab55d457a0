#include "common/set_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/digest.h"
#include "common/mem.h"
#include "common/partial.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "common/sums.h"
#include "common/syncer.h"
#include "common/tree.h"

/* Written data starts its way to the disk after so much, not only at the end. */
#define FLUSH_EVERY (8u << 20)

/* What describing one file takes, in MANIFEST and SHA256SUMS, roughly. */
#define RECORD_SIZE 512u

struct set_writer {
	struct partial partial;
	bool begun, published;
	struct tree tree;
	struct digest *digest;
	struct syncer syncer;
	struct manifest manifest;
	struct sums sums;
	char *last_parent; /* whose directories are in the manifest */
	uint64_t files, bytes;
};

static struct set_writer *active;

static void remove_active(void)
{
	set_writer_free(active);
}

struct set_writer *set_writer_new(const char *target)
{
	struct set_writer *w = xmalloc(sizeof(*w));

	tree_init(&w->tree, -1, "");
	if (partial_init(&w->partial, target))
		return w;
	set_writer_free(w);
	return NULL;
}

bool set_writer_check_room(const struct set_writer *w, uint64_t bytes, uint64_t files)
{
	char need[STR_BYTES_SIZE], have[STR_BYTES_SIZE];
	struct statvfs fs;
	uint64_t room, needed;

	if (fstatvfs(w->partial.parent_fd, &fs) != 0)
		return report_errno(errno, w->partial.target);
	room = (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
	needed = bytes + files * (RECORD_SIZE + fs.f_frsize / 2);
	if (needed <= room)
		return true;
	str_bytes((double)needed, need);
	str_bytes((double)room, have);
	return report_problem(ERROR_DISK_FULL, w->partial.target,
		"the set needs %s, and only %s are free there", need, have);
}

bool set_writer_begin(struct set_writer *w)
{
	static bool registered;

	if (!registered && atexit(remove_active) != 0)
		return report_plain("out of memory");
	registered = true;
	signals_hold();
	w->begun = partial_create(&w->partial);
	if (w->begun)
		active = w;
	signals_catch();
	if (!w->begun)
		return false;
	tree_init(&w->tree, w->partial.fd, w->partial.label);
	w->digest = digest_new();
	for (enum item_kind kind = ITEM_DATABASE; kind <= ITEM_DYNAMIC; kind++) {
		char *place = item_location(kind, "/");
		const char *base;
		int fd = tree_parent(&w->tree, place, true, &base);

		free(place);
		if (fd < 0)
			return false;
	}
	return true;
}

/* ---- one file ---- */

static bool write_all(int fd, const char *data, size_t size, const char *label)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return report_errno(errno, label);
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* A hint alone, so a failure means nothing; fsync tells. */
static void flush_early(int fd, uint64_t *flushed, uint64_t written)
{
	if (written - *flushed < FLUSH_EVERY)
		return;
	(void)sync_file_range(
		fd, (off_t)*flushed, (off_t)(written - *flushed), SYNC_FILE_RANGE_WRITE);
	*flushed = written;
}

static bool copy_source(struct set_writer *w, int fd, const struct source *source,
	const char *label, uint64_t *size)
{
	uint64_t flushed = 0;

	*size = 0;
	for (;;) {
		char *buffer = digest_buffer(w->digest);
		size_t got = 0;

		if (signals_caught() ||
			!source->read(source->context, buffer, DIGEST_CHUNK, &got))
			return false;
		if (got == 0)
			return true;
		digest_add(w->digest, got);
		if (!write_all(fd, buffer, got, label))
			return false;
		*size += got;
		flush_early(fd, &flushed, *size);
		progress_add(got);
	}
}

/* Creates RELATIVE from SOURCE; on the disk once w->syncer is flushed. */
static bool write_file(struct set_writer *w, const char *relative,
	const struct source *source, uint64_t *size, char hex[DIGEST_SIZE])
{
	char *label = tree_label(&w->tree, relative);
	int fd = tree_create(&w->tree, relative);
	bool ok = fd >= 0 && copy_source(w, fd, source, label, size);

	if (fd >= 0)
		digest_finish(w->digest, hex);
	if (ok)
		ok = syncer_add(&w->syncer, fd, label);
	else if (fd >= 0)
		close(fd);
	free(label);
	return ok;
}

struct memory {
	const char *data;
	size_t size;
};

static bool read_memory(void *context, void *buffer, size_t size, size_t *got)
{
	struct memory *memory = context;

	*got = memory->size < size ? memory->size : size;
	if (*got > 0)
		memcpy(buffer, memory->data, *got);
	memory->data += *got;
	memory->size -= *got;
	return true;
}

bool set_writer_add_data(
	struct set_writer *w, const char *name, const void *data, size_t size)
{
	struct memory memory = {.data = data, .size = size};
	struct source source = {.read = read_memory, .context = &memory};
	char hex[DIGEST_SIZE];
	uint64_t written;

	if (!write_file(w, name, &source, &written, hex))
		return false;
	sums_take(&w->sums, xstrdup(name), hex);
	return true;
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
	char *relative = item_location(kind, path), hex[DIGEST_SIZE];
	struct meta meta;
	uint64_t size = 0;
	struct item *item;

	if (!note_directories(w, path) || !read_meta(kind, path, &meta)) {
		free(relative);
		return false;
	}
	if (!write_file(w, relative, source, &size, hex)) {
		meta_free(&meta);
		free(relative);
		return false;
	}
	item = manifest_add(&w->manifest, kind, path);
	item->meta = meta;
	item->size = size;
	sums_take(&w->sums, relative, hex);
	w->files++;
	w->bytes += size;
	return true;
}

bool set_writer_forget_last(struct set_writer *w)
{
	struct item *item = &w->manifest.items[w->manifest.count - 1];
	struct sum *sum = &w->sums.items[w->sums.count - 1];
	const char *base;
	int dirfd = tree_parent(&w->tree, sum->path, false, &base);

	if (dirfd < 0)
		return false;
	if (unlinkat(dirfd, base, 0) != 0)
		return report_errno(errno, sum->path);
	w->files--;
	w->bytes -= item->size;
	free(item->path);
	meta_free(&item->meta);
	w->manifest.count--;
	free(sum->path);
	w->sums.count--;
	return true;
}

/* ---- the end ---- */

enum description { DESCRIBE_INFO, DESCRIBE_MANIFEST, DESCRIBE_SUMS };

static bool write_description(struct set_writer *w, const char *name,
	enum description what, const struct setinfo *info)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	bool ok = file != NULL;

	if (ok && what == DESCRIBE_INFO)
		setinfo_write(info, file);
	else if (ok && what == DESCRIBE_MANIFEST)
		manifest_write(&w->manifest, file);
	else if (ok)
		sums_write(&w->sums, file);
	if (ok && ferror(file))
		ok = false;
	if (file && fclose(file) != 0)
		ok = false;
	ok = ok ? set_writer_add_data(w, name, text, size) : report_errno(ENOMEM, name);
	free(text);
	return ok;
}

bool set_writer_publish(struct set_writer *w, const struct setinfo *info)
{
	manifest_sort(&w->manifest);
	if (!write_description(w, "backup.ini", DESCRIBE_INFO, info) ||
		!write_description(w, "MANIFEST", DESCRIBE_MANIFEST, info))
		return false;
	sums_sort(&w->sums);
	if (!write_description(w, "SHA256SUMS", DESCRIBE_SUMS, info))
		return false;
	tree_close(&w->tree);
	if (!syncer_flush(&w->syncer) || !tree_sync(w->partial.fd, w->partial.label) ||
		signals_caught())
		return false;
	w->published = partial_publish(&w->partial);
	return w->published;
}

void set_writer_free(struct set_writer *w)
{
	if (!w)
		return;
	active = NULL;
	syncer_drop(&w->syncer);
	tree_close(&w->tree);
	if (w->begun && !w->published)
		partial_remove(&w->partial);
	partial_close(&w->partial);
	digest_free(w->digest);
	manifest_free(&w->manifest);
	sums_free(&w->sums);
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
