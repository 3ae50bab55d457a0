#include "common/syncer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"

bool syncer_add(struct syncer *syncer, int fd, const char *label)
{
	/* Begins writing; a hint alone, fsync tells. */
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	syncer->files[syncer->count].fd = fd;
	syncer->files[syncer->count].label = xstrdup(label);
	syncer->count++;
	return syncer->count < SYNCER_BATCH || syncer_flush(syncer);
}

bool syncer_flush(struct syncer *syncer)
{
	bool ok = true;

	for (size_t i = 0; i < syncer->count; i++) {
		int fd = syncer->files[i].fd;

		if (ok && fsync(fd) != 0)
			ok = report_errno(errno, syncer->files[i].label);
		if (close(fd) != 0 && ok)
			ok = report_errno(errno, syncer->files[i].label);
		free(syncer->files[i].label);
	}
	syncer->count = 0;
	return ok;
}

void syncer_drop(struct syncer *syncer)
{
	for (size_t i = 0; i < syncer->count; i++) {
		(void)close(syncer->files[i].fd);
		free(syncer->files[i].label);
	}
	syncer->count = 0;
}
