#include "common/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "common/trusted.h"

#define OPEN_DIR     (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define DEFAULT_MODE 0755

void place_init(struct place *place, struct digest *digest)
{
	memset(place, 0, sizeof(*place));
	place->digest = digest;
	place->fd = -1;
	place->staging_fd = -1;
}

/* ---- directories ---- */

static bool fail_at(int err, const char *path)
{
	return report_errno(err, path);
}

/* What DIRECTORY was. The times are left out: they would not last. */
static bool apply_directory(
	int fd, const char *path, const struct set *set, const char *old_path)
{
	const struct item *item = manifest_find(&set->manifest, ITEM_DIRECTORY, old_path);

	if (item)
		return meta_apply(fd, path, &item->meta);
	return fchmod(fd, DEFAULT_MODE) == 0 || fail_at(errno, path);
}

/* Makes the last component of PATH in PARENT_FD. -1: reported. */
static int make_directory(struct place *place, int parent_fd, const char *path,
	const struct set *set, const char *old_path)
{
	const char *base = path_base(path);
	int fd;

	if (mkdirat(parent_fd, base, 0700) != 0) {
		fail_at(errno, path);
		return -1;
	}
	strings_take(&place->made, xstrdup(path));
	fd = openat(parent_fd, base, OPEN_DIR | O_NOFOLLOW);
	if (fd < 0) {
		fail_at(errno, path);
		return -1;
	}
	if (!apply_directory(fd, path, set, old_path)) {
		close(fd);
		return -1;
	}
	if (fsync(fd) == 0 && fsync(parent_fd) == 0)
		return fd;
	fail_at(errno, path);
	close(fd);
	return -1;
}

/* Opens PATH (trusted.h); what is missing is made as the directory was that had its place
 * above the old file. -1: reported. */
static int open_or_make(struct place *place, const char *path, const struct set *set,
	const char *old_path)
{
	char *above, *old_above;
	int fd = trusted_open(path, OPEN_DIR), parent_fd;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	above = path_parent(path);
	old_above = path_parent(old_path);
	parent_fd = open_or_make(place, above, set, old_above);
	if (parent_fd >= 0) {
		fd = make_directory(place, parent_fd, path, set, old_path);
		close(parent_fd);
	}
	free(old_above);
	free(above);
	return fd;
}

static void close_directory(struct place *place)
{
	syncer_drop(&place->syncer);
	if (place->fd >= 0)
		close(place->fd);
	if (place->staging_fd >= 0)
		close(place->staging_fd);
	free(place->directory);
	place->directory = NULL;
	place->fd = -1;
	place->staging_fd = -1;
}

bool place_sync(struct place *place)
{
	bool ok = syncer_flush(&place->syncer);

	if (ok && place->staging_fd >= 0 && fsync(place->staging_fd) != 0)
		ok = fail_at(errno, place->directory);
	if (ok && place->fd >= 0 && fsync(place->fd) != 0)
		ok = fail_at(errno, place->directory);
	close_directory(place);
	return ok;
}

/* The directory DIRECTORY becomes the current one; the last one is synced first. */
static bool enter(struct place *place, const char *directory, const struct set *set,
	const char *old_directory)
{
	if (place->directory && !strcmp(place->directory, directory))
		return true;
	if (!place_sync(place))
		return false;
	place->fd = open_or_make(place, directory, set, old_directory);
	if (place->fd < 0)
		return false;
	place->directory = xstrdup(directory);
	return true;
}

static bool enter_for(struct place *place, const struct move *move)
{
	char *directory = path_parent(move->target), *old = path_parent(move->item->path);
	bool ok = enter(place, directory, move->set, old);

	free(old);
	free(directory);
	return ok;
}

/* ---- one file ---- */

struct sink {
	int fd;
	const char *label;
};

static bool write_chunk(void *context, const void *data, size_t size)
{
	const struct sink *sink = context;
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(sink->fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return report_errno(errno, sink->label);
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static bool copy_content(struct place *place, struct set *set, const struct item *item,
	int to, const char *label)
{
	struct sink sink = {.fd = to, .label = label};
	char hex[DIGEST_SIZE];
	uint64_t size;
	int from = set_open_item(set, item);
	bool ok;

	if (from < 0)
		return false;
	ok = set_read_file(from, label, place->digest, write_chunk, &sink, &size, hex);
	close(from);
	if (ok && strcmp(hex, set_item_sum(set, item)) != 0)
		ok = report_problem(
			ERROR_CRC, item->path, "the set changed while it was read");
	return ok;
}

/* Creates NAME in DIRFD, which must not exist, as ITEM was; on the disk once
 * place->syncer is flushed. LABEL is its path. */
static bool create_copy(struct place *place, struct set *set, const struct item *item,
	int dirfd, const char *name, const char *label)
{
	int fd = openat(
		dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return fail_at(errno, label);
	ok = copy_content(place, set, item, fd, label) &&
	     meta_apply(fd, label, &item->meta);
	if (ok)
		ok = syncer_add(&place->syncer, fd, label);
	else
		close(fd);
	if (!ok && unlinkat(dirfd, name, 0) != 0)
		fail_at(errno, label);
	return ok;
}

/* Is the directory FD ours alone? */
static bool make_private(int fd, const char *label)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_at(errno, label);
	if (st.st_uid != geteuid())
		return report_problem(
			ERROR_ACCESS_DENIED, label, "belongs to another user");
	return fchmod(fd, 0700) == 0 || fail_at(errno, label);
}

/* The directory LABEL, in that of PARENT_FD; -1: reported. */
static int open_private(struct place *place, int parent_fd, const char *label)
{
	const char *name = path_base(label);
	int fd;

	if (mkdirat(parent_fd, name, 0700) == 0)
		strings_take(&place->made, xstrdup(label));
	else if (errno != EEXIST) {
		fail_at(errno, label);
		return -1;
	}
	fd = openat(parent_fd, name, OPEN_DIR | O_NOFOLLOW);
	if (fd < 0)
		fail_at(errno, label);
	if (fd < 0 || make_private(fd, label))
		return fd;
	close(fd);
	return -1;
}

/* The staging directory LABEL in the current one. */
static bool open_staging(struct place *place, const char *label)
{
	if (place->staging_fd < 0)
		place->staging_fd = open_private(place, place->fd, label);
	return place->staging_fd >= 0;
}

/* The directory LABEL in a staging directory in the current one. */
static bool open_log_stage(struct place *place, const char *label)
{
	char *staging;
	int fd;

	if (place->staging_fd >= 0)
		return true;
	staging = path_parent(label);
	fd = open_private(place, place->fd, staging);
	if (fd >= 0) {
		place->staging_fd = open_private(place, fd, label);
		if (place->staging_fd >= 0 && fsync(fd) != 0) {
			fail_at(errno, staging);
			close(place->staging_fd);
			place->staging_fd = -1;
		}
		close(fd);
	}
	free(staging);
	return place->staging_fd >= 0;
}

static bool stage(struct place *place, const struct move *move, const char *staged)
{
	char *label = path_parent(staged);
	bool ok = open_staging(place, label);

	free(label);
	if (!ok)
		return false;
	/* What a restore that was killed left here. */
	if (unlinkat(place->staging_fd, path_base(staged), 0) != 0 && errno != ENOENT)
		return fail_at(errno, staged);
	return create_copy(place, move->set, move->item, place->staging_fd,
		path_base(staged), staged);
}

bool place_staged(struct place *place, const struct move *move)
{
	char *staged = backupapi_restore_staging_path(move->target);
	bool ok;

	if (!staged)
		return report_call((int32_t)backupapi_get_last_error(), move->target);
	ok = enter_for(place, move) && stage(place, move, staged);
	backupapi_free(staged);
	return ok;
}

/* The file TEMPORARY in the current directory becomes TARGET, once its content is safe.
 */
static bool rename_synced(
	struct place *place, const char *temporary, const char *target, const char *label)
{
	bool ok = syncer_flush(&place->syncer);

	if (ok && renameat(place->fd, temporary, place->fd, path_base(target)) != 0)
		ok = fail_at(errno, target);
	if (!ok && unlinkat(place->fd, temporary, 0) != 0)
		fail_at(errno, label);
	return ok;
}

bool place_directly(struct place *place, const struct move *move)
{
	const char *base = path_base(move->target);
	char *temporary, *label;
	uint32_t number;
	bool ok;

	if (!enter_for(place, move))
		return false;
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return fail_at(errno, move->target);
	temporary = xasprintf(".%.200s.restore-%08x", base, number);
	label = xasprintf("%s/%s", place->directory, temporary);
	ok = create_copy(place, move->set, move->item, place->fd, temporary, label) &&
	     rename_synced(place, temporary, move->target, label);
	free(label);
	free(temporary);
	return ok;
}

bool place_log(struct place *place, struct set *set, const struct item *item,
	const char *directory)
{
	char *path = xasprintf("%s/%s", directory, path_base(item->path));
	char *staging = path_parent(directory), *above = path_parent(staging);
	char *old = path_parent(set->info.log_dir ? set->info.log_dir : "/");
	bool ok = enter(place, above, set, old) && open_log_stage(place, directory);

	if (ok && unlinkat(place->staging_fd, path_base(path), 0) != 0 && errno != ENOENT)
		ok = fail_at(errno, path);
	ok = ok &&
	     create_copy(place, set, item, place->staging_fd, path_base(path), path);
	free(old);
	free(above);
	free(staging);
	free(path);
	return ok;
}

bool place_directory(struct place *place, const char *directory, const struct set *set,
	const char *old)
{
	return enter(place, directory, set, old) && place_sync(place);
}

/* If it is empty. */
static void remove_directory(const char *path)
{
	char *above = path_parent(path);
	int fd = trusted_open(above, OPEN_DIR);

	free(above);
	if (fd < 0)
		return;
	(void)unlinkat(fd, path_base(path), AT_REMOVEDIR);
	close(fd);
}

void place_undo(struct place *place)
{
	close_directory(place);
	for (size_t i = place->made.count; i-- > 0;)
		remove_directory(place->made.items[i]);
}

void place_free(struct place *place)
{
	close_directory(place);
	strings_free(&place->made);
}
