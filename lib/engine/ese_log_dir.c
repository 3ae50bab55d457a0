#include "engine/ese_log_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/ese_names.h"

#define DEFAULT_BASE "edb"

enum { VERSION_SEGMENTS = 8 };

status ese_configured_base(const struct store_config *store, char base[4])
{
	memset(base, 0, ESE_BASE_LENGTH + 1);
	if (!store->log_base)
		return STATUS_OK;
	if (strlen(store->log_base) != ESE_BASE_LENGTH)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: log_base has not three characters", store->log_base);
	memcpy(base, store->log_base, ESE_BASE_LENGTH);
	return STATUS_OK;
}

status ese_open_dir(const char *dir, int *fd)
{
	status rc = file_open_dir(dir, FILE_TRUSTED, fd);

	if (!status_is_missing(rc))
		return rc;
	*fd = -1;
	return STATUS_OK;
}

static status make_empty(const char *dir, const char *base, struct ese_logset *set)
{
	*set = (struct ese_logset){.dirfd = -1, .path = strdup(dir)};
	memcpy(set->base, base, sizeof(set->base));
	return set->path ? STATUS_OK : status_no_memory();
}

status ese_log_dir_open(
	const struct store_config *store, const char *dir, struct ese_log_dir *logs)
{
	char base[ESE_BASE_LENGTH + 1];
	status rc;

	*logs = (struct ese_log_dir){.fd = -1};
	rc = ese_configured_base(store, base);
	if (!failed(rc))
		rc = ese_open_dir(dir, &logs->fd);
	if (!failed(rc) && !*base && logs->fd >= 0)
		rc = ese_logset_find_base(logs->fd, dir, base);
	if (failed(rc))
		return rc;
	if (!*base)
		memcpy(base, DEFAULT_BASE, sizeof(base));
	return logs->fd < 0 ? make_empty(dir, base, &logs->set)
			    : ese_logset_read(logs->fd, dir, base, &logs->set);
}

void ese_log_dir_close(struct ese_log_dir *logs)
{
	ese_logset_free(&logs->set);
	if (logs->fd >= 0)
		(void)close(logs->fd);
	logs->fd = -1;
}

/* The length of DATA without the zeros at its end. */
static size_t trimmed(const uint8_t *data, size_t size)
{
	while (size > 0 && data[size - 1] == 0)
		size--;
	return size;
}

status ese_log_used(int fd, const char *path, const struct ese_log_header *header,
	uint64_t size, uint64_t *used)
{
	uint64_t index = size / ESE_SEGMENT_SIZE;
	uint8_t segment[ESE_SEGMENT_SIZE];

	*used = ESE_LOG_HEADER_SIZE;
	while (index-- > 1) {
		const uint64_t at = index * ESE_SEGMENT_SIZE;
		size_t got, length;
		status rc = file_pread(fd, segment, sizeof(segment), at, &got, path);

		if (failed(rc))
			return rc;
		length = trimmed(segment, got);
		/* A shadow is overwritten by the next segment, which may be shorter. */
		if (length == 0 ||
			(header->major == VERSION_SEGMENTS && got == sizeof(segment) &&
				ese_segment_check(segment, (uint32_t)index) ==
					ESE_SEGMENT_SHADOW))
			continue;
		*used = at + length;
		return STATUS_OK;
	}
	return STATUS_OK;
}
