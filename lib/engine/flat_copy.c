/* Why the copies are one state: each file is stamped when its copy begins; when the last
 * copy has ended, every file still has its stamp. So at the moment between the two, all
 * files were what was copied of them. */
#include "engine/flat_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/flat_ca.h"

enum {
	TRIES = 10,
	/* A file may be missing between two renames, or of another age than its neighbour
	 * while it is edited, but not for long. */
	FEW_TRIES = 5,
	FIRST_WAIT_MS = 25,
	LONGEST_WAIT_MS = 500,
	/* Two changes within one tick of the file system's clock leave the same time; a
	 * file server's clock is not quite this machine's. */
	TICK_MS = 20,
	COARSE_TICK_MS = 2000, /* where it keeps whole seconds, or two (FAT) */
};

static const char NEW_SUFFIX[] = ".new";

/* What tells that a file is still the same one and unchanged. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	bool recent; /* a change in the same tick would not show */
};

/* One try at copying everything. */
struct pass {
	const struct names *patterns;
	struct spool *spool;
	struct names paths;
	struct stamp *stamps; /* of each path */
};

static status busy(const char *path, const char *reason)
{
	return status_fail(STATUS_WIN32(ERROR_BUSY), "%s: %s", path, reason);
}

static int64_t milliseconds_between(
	const struct timespec *from, const struct timespec *to)
{
	return ((int64_t)to->tv_sec - from->tv_sec) * 1000 +
	       (to->tv_nsec - from->tv_nsec) / 1000000;
}

/* Ahead of NOW is as bad as behind it: newer kernels stamp some changes by a finer clock,
 * and the file may have changed since. */
static bool is_recent(const struct timespec *changed, const struct timespec *now)
{
	int64_t tick = changed->tv_nsec ? TICK_MS : COARSE_TICK_MS;
	int64_t age = milliseconds_between(changed, now);

	return -COARSE_TICK_MS <= age && age <= tick;
}

/* The clock that files are stamped by: it lags the exact one as long as ticks are late. */
static struct timespec stamping_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

/* NOW is when ST was yet to be read: no later change is stamped earlier. */
static struct stamp make_stamp(const struct stat *st, struct timespec now)
{
	return (struct stamp){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
		.recent = is_recent(&st->st_ctim, &now) || is_recent(&st->st_mtim, &now),
	};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stamp(const struct stamp *stamp, const struct stat *st)
{
	return stamp->dev == st->st_dev && stamp->ino == st->st_ino &&
	       stamp->size == st->st_size && same_time(&stamp->mtime, &st->st_mtim) &&
	       same_time(&stamp->ctime, &st->st_ctim);
}

/* ---- one pass ---- */

/* *EXISTS: is there a PATH (LENGTH bytes of it) with SUFFIX, whatever it is? */
static status has_sibling(
	const char *path, size_t length, const char *suffix, bool *exists)
{
	char *sibling;
	struct stat st;
	status rc = STATUS_OK;

	if (asprintf(&sibling, "%.*s%s", (int)length, path, suffix) < 0)
		return status_no_memory();
	*exists = lstat(sibling, &st) == 0;
	if (!*exists && errno != ENOENT && errno != ENAMETOOLONG)
		rc = status_errno(errno, "%s", sibling);
	free(sibling);
	return rc;
}

/* PATH is X.new, as a glob matches it: X itself was just renamed to X.old. */
static status refuse_half_renamed(const char *path, size_t length)
{
	bool base, old = false;
	status rc = has_sibling(path, length, "", &base);

	if (!failed(rc) && !base)
		rc = has_sibling(path, length, ".old", &old);
	if (!failed(rc) && old)
		rc = busy(path,
			"about to be renamed by a program that updates the store, or "
			"left by one that was interrupted");
	return rc;
}

static status refuse_new(const char *path)
{
	size_t length = strlen(path), suffix = sizeof(NEW_SUFFIX) - 1;
	bool exists;
	status rc = has_sibling(path, length, NEW_SUFFIX, &exists);

	if (failed(rc))
		return rc;
	if (exists)
		return status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s%s: a program that updates the store (openssl ca) is at work, "
			"or was interrupted and left this file",
			path, NEW_SUFFIX);
	if (length > suffix && strcmp(path + length - suffix, NEW_SUFFIX) == 0)
		return refuse_half_renamed(path, length - suffix);
	return STATUS_OK;
}

static status refuse_any_new(const struct names *paths)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < paths->count && !failed(rc); i++)
		rc = refuse_new(paths->items[i]);
	return rc;
}

/* A disk that is not mounted must not pass for an empty store. */
static status list_files(const struct names *patterns, struct names *paths)
{
	status rc = engine_expand(patterns, paths);

	if (!failed(rc) && paths->count == 0)
		rc = status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: no database file is there",
			patterns->count ? patterns->items[0] : "store");
	return rc;
}

static status copy_file(struct pass *pass, size_t i)
{
	const char *path = pass->paths.items[i];
	const struct timespec now = stamping_clock();
	uint64_t copied;
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return busy(path, "vanished while the store was copied");
	if (failed(rc))
		return rc;
	pass->stamps[i] = make_stamp(&st, now);
	rc = spool_copy(pass->spool, path, fd, (uint64_t)st.st_size, &copied);
	if (!failed(rc) && copied != (uint64_t)st.st_size)
		rc = busy(path, "shrank while it was copied");
	(void)close(fd);
	return rc;
}

static status copy_all(struct pass *pass)
{
	status rc = list_files(pass->patterns, &pass->paths);

	if (!failed(rc))
		rc = refuse_any_new(&pass->paths);
	if (failed(rc))
		return rc;
	pass->stamps = calloc(pass->paths.count, sizeof(*pass->stamps));
	if (!pass->stamps)
		return status_no_memory();
	for (size_t i = 0; i < pass->paths.count && !failed(rc); i++)
		rc = copy_file(pass, i);
	return rc;
}

static status compare_lists(const struct names *before, const struct names *after)
{
	size_t i = 0;

	while (i < before->count && i < after->count &&
		strcmp(before->items[i], after->items[i]) == 0)
		i++;
	if (i < after->count &&
		(i == before->count || !names_contains(before, after->items[i])))
		return busy(after->items[i], "appeared while the store was copied");
	if (i < before->count)
		return busy(before->items[i], "vanished while the store was copied");
	return STATUS_OK;
}

static status compare_stamp(const char *path, const struct stamp *stamp)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			return busy(path, "vanished while the store was copied");
		return status_errno(errno, "%s", path);
	}
	if (!same_stamp(stamp, &st))
		return busy(path, "changed while the store was copied");
	if (stamp->recent)
		return busy(path, "changed just before it was copied");
	return STATUS_OK;
}

static status compare_all(const struct pass *pass)
{
	struct names now = {0};
	status rc = list_files(pass->patterns, &now);

	if (!failed(rc))
		rc = compare_lists(&pass->paths, &now);
	if (!failed(rc))
		rc = refuse_any_new(&pass->paths);
	for (size_t i = 0; i < pass->paths.count && !failed(rc); i++)
		rc = compare_stamp(pass->paths.items[i], &pass->stamps[i]);
	names_free(&now);
	return rc;
}

/* Paths and entries are both sorted by now, so the numbers agree. */
static status read_copy(void *context, size_t file, uint64_t offset, void *buffer,
	size_t size, size_t *got)
{
	const struct spool *spool = context;
	const struct spool_entry *entry = &spool->entries[file];

	*got = 0;
	if (offset >= entry->size)
		return STATUS_OK;
	if (size > entry->size - offset)
		size = (size_t)(entry->size - offset);
	return file_pread(
		spool->fd, buffer, size, entry->offset + offset, got, entry->path);
}

static status take_pass(const struct names *patterns, struct spool *spool)
{
	const struct flat_ca_source copies = {.context = spool, .read = read_copy};
	struct pass pass = {.patterns = patterns, .spool = spool};
	status rc = copy_all(&pass);

	if (!failed(rc))
		rc = compare_all(&pass);
	if (!failed(rc)) {
		spool_seal(spool);
		rc = flat_ca_check(&pass.paths, &copies);
	}
	names_free(&pass.paths);
	free(pass.stamps);
	return rc;
}

/* ---- until one is good ---- */

/* After TRIES, *ODD of which found something worse than a change. */
static bool may_settle(status rc, int tries, int *odd)
{
	if (rc == STATUS_WIN32(ERROR_BUSY))
		return tries < TRIES;
	if (rc != STATUS_WIN32(ERROR_FILE_NOT_FOUND) && rc != hrDatabaseInconsistent)
		return false;
	return tries < TRIES && ++*odd < FEW_TRIES;
}

static void wait_before(int tries)
{
	long ms = (long)FIRST_WAIT_MS << (tries - 1);
	struct timespec left;

	if (ms > LONGEST_WAIT_MS)
		ms = LONGEST_WAIT_MS;
	left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

status flat_copy(const struct names *patterns, struct spool *spool)
{
	status rc = take_pass(patterns, spool);
	int odd = 0;

	for (int tries = 1; failed(rc) && may_settle(rc, tries, &odd); tries++) {
		trace(TRACE_DEBUG, "flat: try %d: %s", tries, status_pending());
		wait_before(tries);
		rc = spool_reset(spool);
		if (!failed(rc))
			rc = take_pass(patterns, spool);
	}
	return rc;
}
