/* Measured: copying a heap, dbbackup takes some of its pages through the cache, and a wrong
 * checksum there stops the whole environment, all its processes included. So such a file
 * is looked through first. Of the other access methods it only reads the file. */
#include "engine/bdb.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { RETRIES = 20, RETRY_MS = 50 };

static status read_page(const struct bdb_stream *stream, int fd, uint64_t number,
	unsigned char *page, bool *sound)
{
	static const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	status rc = STATUS_OK;

	*sound = false;
	for (int i = 0; i < RETRIES && !*sound && !failed(rc); i++) {
		size_t got = 0;

		if (i)
			(void)nanosleep(&pause, NULL); /* it may be being written */
		rc = file_pread(fd, page, stream->pages.size, number * stream->pages.size,
			&got, stream->path);
		*sound = got == stream->pages.size &&
			 bdb_page_sound(&stream->pages, number, page);
	}
	return rc;
}

status bdb_heap_check(const struct bdb_stream *stream)
{
	unsigned char *page = malloc(stream->pages.size);
	struct stat st;
	bool sound = true;
	int fd;
	status rc = page ? file_open_regular(stream->path, FILE_TRUSTED, &fd, &st)
			 : status_no_memory();

	if (!failed(rc)) {
		for (uint64_t n = 0;
			n < stream->size / stream->pages.size && sound && !failed(rc);
			n++) {
			rc = read_page(stream, fd, n, page, &sound);
			if (!failed(rc) && !sound)
				rc = status_fail(hrReadVerifyFailure,
					"%s: page %llu is damaged: its checksum is wrong",
					stream->path, (unsigned long long)n);
		}
		(void)close(fd);
	}
	free(page);
	return rc;
}
