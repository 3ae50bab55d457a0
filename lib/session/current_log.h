/*
 * current_log.h - with which log the next incremental backup begins
 */
#ifndef SESSION_CURRENT_LOG_H
#define SESSION_CURRENT_LOG_H

#include "server/config.h"

#define CURRENT_LOG_DISABLE 0xffffffffu

/* Durable when it returns, and for both families. GENERATION: the next incremental begins
 * there, or, CURRENT_LOG_DISABLE, there is none until the next full backup.
 *	hrCircularLogging	the store keeps no logs
 *	ERROR_INVALID_PARAMETER	generation 0 */
status current_log_set(const struct server *server, uint32_t generation);

#endif
