#include "engine/ese_checkpoint.h"

#include "base/file.h"
#include "engine/ese_checksum.h"
#include "engine/ese_header.h"

enum {
	AT_CHECKSUM = 0,
	AT_BACKUP_CHECKPOINT = 4,
	AT_CHECKPOINT = 12,
	AT_LOG_SIGNATURE = 20,
	AT_FULL_BACKUP = 615,
	AT_FULL_BACKUP_TIME = 623,
	AT_INCREMENTAL_BACKUP = 631,
	AT_INCREMENTAL_BACKUP_TIME = 639,
};

static bool is_sound(const uint8_t *data, size_t size, size_t at)
{
	uint32_t type;

	if (size < at + ESE_CHECKPOINT_SIZE)
		return false;
	type = ese_u32(data + at + ESE_AT_FILE_TYPE);
	return (type == ESE_TYPE_CHECKPOINT || type == ESE_TYPE_OLD) &&
	       ese_u32(data + at + AT_CHECKSUM) ==
		       ese_xor_checksum(data + at, ESE_CHECKPOINT_SIZE);
}

static void read_fields(const uint8_t *copy, struct ese_checkpoint *checkpoint)
{
	checkpoint->backup_checkpoint = ese_read_position(copy + AT_BACKUP_CHECKPOINT);
	checkpoint->checkpoint = ese_read_position(copy + AT_CHECKPOINT);
	checkpoint->log_signature = ese_read_signature(copy + AT_LOG_SIGNATURE);
	checkpoint->full_backup = ese_read_position(copy + AT_FULL_BACKUP);
	checkpoint->full_backup_time = ese_read_time(copy + AT_FULL_BACKUP_TIME);
	checkpoint->incremental_backup = ese_read_position(copy + AT_INCREMENTAL_BACKUP);
	checkpoint->incremental_backup_time =
		ese_read_time(copy + AT_INCREMENTAL_BACKUP_TIME);
	checkpoint->file_type = ese_u32(copy + ESE_AT_FILE_TYPE);
}

status ese_checkpoint_parse(const uint8_t *data, size_t size, const char *path,
	struct ese_checkpoint *checkpoint)
{
	*checkpoint = (struct ese_checkpoint){0};
	if (is_sound(data, size, 0))
		checkpoint->copies |= ESE_FIRST_COPY;
	if (is_sound(data, size, ESE_CHECKPOINT_SIZE))
		checkpoint->copies |= ESE_SECOND_COPY;
	if (!checkpoint->copies)
		return status_fail(hrCheckpointCorrupt,
			"%s: both copies of the checkpoint are damaged", path);
	if (checkpoint->copies == (ESE_FIRST_COPY | ESE_SECOND_COPY) &&
		memcmp(data, data + ESE_CHECKPOINT_SIZE, ESE_CHECKPOINT_SIZE) != 0)
		checkpoint->copies |= ESE_COPIES_DIFFER;
	read_fields(
		checkpoint->copies & ESE_FIRST_COPY ? data : data + ESE_CHECKPOINT_SIZE,
		checkpoint);
	return STATUS_OK;
}

status ese_checkpoint_read(int fd, const char *path, struct ese_checkpoint *checkpoint)
{
	uint8_t data[2 * ESE_CHECKPOINT_SIZE];
	size_t got;
	status rc = file_pread(fd, data, sizeof(data), 0, &got, path);

	*checkpoint = (struct ese_checkpoint){0};
	return failed(rc) ? rc : ese_checkpoint_parse(data, got, path, checkpoint);
}
