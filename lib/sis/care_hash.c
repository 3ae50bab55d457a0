/*
 * XXH3, compiled in from its header: a fast hash finds candidates, and bytes are compared
 * after it.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>

#include "base/file.h"
#include "sis/care_items.h"

#define READ_SIZE ((size_t)1 << 20)

static status hash_pieces(struct care_run *run, int fd, const char *path, uint64_t limit,
	bool report, uint8_t *buffer, XXH3_state_t *state)
{
	uint64_t offset = 0;

	while (offset < limit) {
		uint64_t left = limit - offset;
		size_t got;
		status rc = file_pread(fd, buffer,
			left < READ_SIZE ? (size_t)left : READ_SIZE, offset, &got, path);

		if (!failed(rc) && got == 0)
			break;
		if (!failed(rc) && XXH3_64bits_update(state, buffer, got) != XXH_OK)
			rc = status_no_memory();
		if (!failed(rc) && report)
			rc = care_progress(run, got);
		if (failed(rc))
			return rc;
		offset += got;
	}
	return STATUS_OK;
}

status care_hash(struct care_run *run, int fd, const char *path, uint64_t limit,
	bool report, uint64_t *hash)
{
	const size_t size = limit < READ_SIZE ? (size_t)limit : READ_SIZE;
	uint8_t *buffer = malloc(size ? size : 1);
	XXH3_state_t *state = XXH3_createState();
	status rc = STATUS_OK;

	if (!buffer || !state || XXH3_64bits_reset(state) != XXH_OK)
		rc = status_no_memory();
	else
		rc = hash_pieces(run, fd, path, limit, report, buffer, state);
	if (!failed(rc))
		*hash = XXH3_64bits_digest(state);
	(void)XXH3_freeState(state);
	free(buffer);
	return rc;
}
