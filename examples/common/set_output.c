#include "common/set_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <backupapi/errors.h>

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

struct set_output {
	struct partial partial;
	enum set_sync sync;
	bool begun, published, room_known;
	struct set_room room;
	struct tree tree;
	struct digest *digest;
	struct syncer syncer;
	struct sums sums;
};

static struct set_output *active;

static void remove_active(void)
{
	set_output_free(active);
}

struct set_output *set_output_new(const char *target, enum set_sync sync)
{
	struct set_output *o = xmalloc(sizeof(*o));

	o->sync = sync;
	tree_init(&o->tree, -1, "");
	if (partial_init(&o->partial, target))
		return o;
	set_output_free(o);
	return NULL;
}

bool set_output_is_on(const struct set_output *o, dev_t device)
{
	struct stat st;

	return fstat(o->partial.parent_fd, &st) != 0 || st.st_dev == device;
}

static bool look_for_room(struct set_output *o)
{
	struct statvfs fs;

	if (o->room_known)
		return true;
	if (fstatvfs(o->partial.parent_fd, &fs) != 0)
		return report_errno(errno, o->partial.target);
	o->room.bytes =
		(uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
	o->room.for_each_file = RECORD_SIZE + fs.f_frsize / 2;
	o->room_known = true;
	return true;
}

bool set_output_room(struct set_output *o, struct set_room *room)
{
	if (!look_for_room(o))
		return false;
	*room = o->room;
	return true;
}

bool set_room_fits(const struct set_room *room, uint64_t bytes, uint64_t files)
{
	return files <= room->bytes / room->for_each_file &&
	       bytes <= room->bytes - files * room->for_each_file;
}

bool set_output_check_room(struct set_output *o, uint64_t bytes, uint64_t files)
{
	char need[STR_BYTES_SIZE], have[STR_BYTES_SIZE];

	if (!look_for_room(o))
		return false;
	if (set_room_fits(&o->room, bytes, files))
		return true;
	str_bytes((double)bytes + (double)files * (double)o->room.for_each_file, need);
	str_bytes((double)o->room.bytes, have);
	return report_problem(ERROR_DISK_FULL, o->partial.target,
		"the set needs %s, and only %s are free there", need, have);
}

bool set_output_begin(struct set_output *o)
{
	static bool registered;

	if (!look_for_room(o))
		return false;
	if (!registered && atexit(remove_active) != 0)
		return report_plain("out of memory");
	registered = true;
	signals_hold();
	o->begun = partial_create(&o->partial);
	if (o->begun)
		active = o;
	signals_catch();
	if (!o->begun)
		return false;
	tree_init(&o->tree, o->partial.fd, o->partial.label);
	o->digest = digest_new();
	return true;
}

const char *set_output_partial_name(const struct set_output *o)
{
	return o->partial.name;
}

bool set_output_directory(struct set_output *o, const char *relative)
{
	char *inside = xasprintf("%s/", relative);
	const char *base;
	int fd = tree_parent(&o->tree, inside, true, &base);

	free(inside);
	return fd >= 0;
}

/* ---- one file ---- */

static bool fail(const struct set_output *o, const char *relative, int err)
{
	char *label = tree_label(&o->tree, relative);

	report_errno(err, label);
	free(label);
	return false;
}

static bool write_all(const struct set_output *o, int fd, const char *data, size_t size,
	const char *relative)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(o, relative, errno);
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

static bool copy_source(struct set_output *o, int fd, const struct source *source,
	const char *relative, uint64_t *size, bool *read_failed)
{
	uint64_t flushed = 0;

	*size = 0;
	for (;;) {
		char *buffer = digest_buffer(o->digest);
		size_t got = 0;

		if (signals_caught())
			return false;
		*read_failed = !source->read(source->context, buffer, DIGEST_CHUNK, &got);
		if (*read_failed)
			return false;
		if (got == 0)
			return true;
		digest_add(o->digest, got);
		if (!write_all(o, fd, buffer, got, relative))
			return false;
		*size += got;
		flush_early(fd, &flushed, *size);
		progress_add(got);
	}
}

static bool remove_file(struct set_output *o, const char *relative)
{
	const char *base;
	int dirfd = tree_parent(&o->tree, relative, false, &base);

	return dirfd >= 0 &&
	       (unlinkat(dirfd, base, 0) == 0 || report_errno(errno, relative));
}

static bool finish_file(struct set_output *o, int fd, const char *relative)
{
	char *label;
	bool ok;

	if (o->sync == SET_SYNC_SYSTEM)
		return close(fd) == 0 || fail(o, relative, errno);
	label = tree_label(&o->tree, relative);
	ok = syncer_add(&o->syncer, fd, label);
	free(label);
	return ok;
}

bool set_output_file(struct set_output *o, const char *relative,
	const struct source *source, uint64_t *size, bool *read_failed)
{
	char hex[DIGEST_SIZE];
	int fd = tree_create(&o->tree, relative);
	bool ok;

	*read_failed = false;
	ok = fd >= 0 && copy_source(o, fd, source, relative, size, read_failed);
	if (fd >= 0)
		digest_finish(o->digest, hex);
	if (ok) {
		ok = finish_file(o, fd, relative);
	} else if (fd >= 0) {
		close(fd);
		*read_failed = remove_file(o, relative) && *read_failed;
	}
	if (ok)
		sums_take(&o->sums, xstrdup(relative), hex);
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

bool set_output_data(
	struct set_output *o, const char *relative, const void *data, size_t size)
{
	struct memory memory = {.data = data, .size = size};
	struct source source = {.read = read_memory, .context = &memory};
	uint64_t written;
	bool read_failed;

	return set_output_file(o, relative, &source, &written, &read_failed);
}

bool set_output_text(struct set_output *o, const char *relative,
	void (*write_text)(const void *context, FILE *file), const void *context)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	bool ok = file != NULL;

	if (ok) {
		write_text(context, file);
		ok = !ferror(file);
		if (fclose(file) != 0)
			ok = false;
	}
	ok = ok ? set_output_data(o, relative, text, size)
		: report_errno(ENOMEM, relative);
	free(text);
	return ok;
}

bool set_output_forget_last(struct set_output *o)
{
	struct sum *sum = &o->sums.items[o->sums.count - 1];

	if (!remove_file(o, sum->path))
		return false;
	free(sum->path);
	o->sums.count--;
	return true;
}

/* ---- the end ---- */

static void write_sums(const void *context, FILE *file)
{
	sums_write(context, file);
}

static bool sync_all(struct set_output *o)
{
	if (o->sync == SET_SYNC_FILES)
		return syncer_flush(&o->syncer) &&
		       tree_sync(o->partial.fd, o->partial.label);
	return syncfs(o->partial.fd) == 0 || report_errno(errno, o->partial.label);
}

bool set_output_publish(struct set_output *o)
{
	sums_sort(&o->sums);
	if (!set_output_text(o, "SHA256SUMS", write_sums, &o->sums))
		return false;
	tree_close(&o->tree);
	if (!sync_all(o) || signals_caught())
		return false;
	o->published = partial_publish(&o->partial);
	return o->published;
}

void set_output_free(struct set_output *o)
{
	if (!o)
		return;
	active = NULL;
	syncer_drop(&o->syncer);
	tree_close(&o->tree);
	if (o->begun && !o->published)
		partial_remove(&o->partial);
	partial_close(&o->partial);
	digest_free(o->digest);
	sums_free(&o->sums);
	free(o);
}
