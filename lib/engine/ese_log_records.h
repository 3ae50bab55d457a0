/*
 * ese_log_records.h - the body of logs of Windows 7 and older, for ese_log.c
 */
#ifndef ENGINE_ESE_LOG_RECORDS_H
#define ENGINE_ESE_LOG_RECORDS_H

#include "engine/ese_log.h"

/* Follows the chain of checksum records of a log of SIZE bytes, counting them in LOG. */
status ese_log_records_verify(int fd, const char *path, uint64_t size,
	const struct ese_tick *tick, struct ese_log *log);

#endif
