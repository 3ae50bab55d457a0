/*
 * ese_checkpoint.h - from which log on recovery begins
 */
#ifndef ENGINE_ESE_CHECKPOINT_H
#define ENGINE_ESE_CHECKPOINT_H

#include "engine/ese_format.h"

struct ese_checkpoint {
	unsigned copies; /* of enum ese_copies (ese_header.h) */
	struct ese_position checkpoint;
	struct ese_position backup_checkpoint; /* as of the last full backup */
	struct ese_position full_backup, incremental_backup; /* the last ones */
	struct ese_time full_backup_time, incremental_backup_time;
	struct ese_signature log_signature;
	uint32_t file_type;
};

/* The first copy, or the second one where the first is damaged; DATA is the
 * beginning of the file. hrCheckpointCorrupt: both are. */
status ese_checkpoint_parse(const uint8_t *data, size_t size, const char *path,
	struct ese_checkpoint *checkpoint);
status ese_checkpoint_read(int fd, const char *path, struct ese_checkpoint *checkpoint);

#endif
