/* The copy is made at the speed of the disk, whatever the pace of whoever reads it later:
 * as long as a reader is there, the writers' file grows. */
#include "engine/mdb_copy.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/mdb_env.h"

enum { PORTION = 256 << 10 };

static status write_at(const struct hosted_engine *host, const char *spool_dir,
	const void *data, size_t size, uint64_t offset)
{
	const char *bytes = data;

	while (size) {
		ssize_t n = pwrite(host->spool->fd, bytes, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return status_errno(n < 0 ? errno : EIO, "%s: spool", spool_dir);
		bytes += n;
		offset += (size_t)n;
		size -= (size_t)n;
	}
	return STATUS_OK;
}

static status copy_portion(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen, void *buffer, size_t size, uint64_t offset)
{
	size_t got;
	status rc = file_pread(frozen->fd, buffer, size, offset, &got, frozen->path);

	if (!failed(rc) && got != size)
		rc = status_fail(hrDatabaseCorrupted, "%s: cut short while it was copied",
			frozen->path);
	if (!failed(rc) && host->caller_gone(host->context))
		rc = status_fail(STATUS_WIN32(ERROR_CANCELLED), "%s: the caller is gone",
			frozen->path);
	return failed(rc)
		       ? rc
		       : write_at(host, spool_dir, buffer, size, frozen->offset + offset);
}

static bool share_extents(const struct spool *spool, const struct lmdb_frozen *frozen)
{
	struct file_clone_range range = {.src_fd = frozen->fd,
		.src_length = frozen->size,
		.dest_offset = frozen->offset};

	return ioctl(spool->fd, FICLONERANGE, &range) == 0;
}

static status copy_pages(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen)
{
	uint64_t size = frozen->size;
	unsigned char *buffer;
	status rc = STATUS_OK;

	if (share_extents(host->spool, frozen))
		return STATUS_OK;
	buffer = malloc(PORTION);
	if (!buffer)
		return status_no_memory();
	for (uint64_t done = 0; done < size && !failed(rc);) {
		size_t n = size - done < PORTION ? (size_t)(size - done) : PORTION;

		rc = copy_portion(host, spool_dir, frozen, buffer, n, done);
		done += n;
	}
	free(buffer);
	return rc;
}

/* The file's own are those of later states by now. The older one says the same, as that of
 * the transaction before: the next writer replaces it. */
static status write_metas(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen)
{
	size_t page_size = lmdb_page_size(&frozen->meta);
	unsigned char *pages = malloc(LMDB_METAS * page_size);
	struct lmdb_meta older = frozen->meta;
	size_t slot = frozen->meta.txnid % LMDB_METAS;
	status rc;

	if (!pages)
		return status_no_memory();
	if (older.txnid)
		older.txnid--;
	lmdb_make_meta_page(&frozen->meta, slot, pages + slot * page_size);
	lmdb_make_meta_page(&older, 1 - slot, pages + (1 - slot) * page_size);
	rc = write_at(host, spool_dir, pages, LMDB_METAS * page_size, frozen->offset);
	free(pages);
	return rc;
}

/* Pages at the end that were never written are not in the file either. */
status lmdb_reserve(const struct hosted_engine *host, struct lmdb_frozen *frozen)
{
	const uint64_t page_size = lmdb_page_size(&frozen->meta);
	const uint64_t last_page = frozen->meta.last_page;
	struct stat st;

	if (fstat(frozen->fd, &st) < 0)
		return status_errno(errno, "%s", frozen->path);
	frozen->offset = host->spool->end;
	frozen->size = (uint64_t)st.st_size;
	if (last_page < frozen->size / page_size)
		frozen->size = (last_page + 1) * page_size;
	if (frozen->size < LMDB_METAS * page_size)
		return status_fail(hrDatabaseCorrupted,
			"%s: it has no room for its meta pages", frozen->path);
	return spool_note(host->spool, frozen->path, frozen->size);
}

status lmdb_fill(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen)
{
	status rc = copy_pages(host, spool_dir, frozen);

	return failed(rc) ? rc : write_metas(host, spool_dir, frozen);
}

status lmdb_copy(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen, bool compact)
{
	status rc;

	if (compact) {
		rc = lmdb_compact(host, spool_dir, frozen);
		if (!failed(rc))
			return spool_note(host->spool, frozen->path, frozen->size);
		if (rc != STATUS_WIN32(ERROR_NOT_SUPPORTED))
			return rc;
		trace(TRACE_INFO, "%s; copied whole", status_pending());
	}
	rc = lmdb_reserve(host, frozen);
	return failed(rc) ? rc : lmdb_fill(host, spool_dir, frozen);
}
