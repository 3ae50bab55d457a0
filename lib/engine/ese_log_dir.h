/*
 * ese_log_dir.h - the directory where a store's logs are
 */
#ifndef ENGINE_ESE_LOG_DIR_H
#define ENGINE_ESE_LOG_DIR_H

#include "engine/ese_logset.h"
#include "server/config.h"

struct ese_log_dir {
	int fd; /* -1: there is no such directory, and no log */
	struct ese_logset set;
};

/* With the store's base name of logs or, unless that is configured, the one that all logs
 * in DIR share; else "edb". Fails as ese_logset_read; close also after a failure. */
status ese_log_dir_open(
	const struct store_config *store, const char *dir, struct ese_log_dir *logs);
void ese_log_dir_close(struct ese_log_dir *logs);

/* A base name that the configuration gives, or "" in BASE. ERROR_BAD_CONFIGURATION: it has
 * not three characters. */
status ese_configured_base(const struct store_config *store, char base[4]);

/* Opens DIR, trusted; *FD is -1 where there is none. */
status ese_open_dir(const char *dir, int *fd);

/* How many bytes of the log FD, of SIZE bytes, are written, its header included: the others
 * are zero, or repeat a segment. A log that goes on being written has ever more of them. */
status ese_log_used(int fd, const char *path, const struct ese_log_header *header,
	uint64_t size, uint64_t *used);

#endif
