/*
 * fuzz_config.c - any bytes as a configuration file: read whole or refused with a reason
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "server/config.h"
#include "server/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/backupapi-fuzz-XXXXXX";
static int dirfd_ = -1;

static void require(int holds)
{
	if (!holds)
		abort();
}

static void clean_up(void)
{
	(void)unlinkat(dirfd_, "x.conf", 0);
	(void)rmdir(dir);
}

static void set_up(void)
{
	require(mkdtemp(dir) != NULL);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(dirfd_ >= 0 && atexit(clean_up) == 0);
}

static void write_input(const uint8_t *data, size_t size)
{
	int fd = openat(dirfd_, "x.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && file_write_all(fd, data, size, dir) == STATUS_OK);
	require(close(fd) == 0);
}

/* What every user of a configuration relies on. */
static void check_loaded(const struct server *s)
{
	require(s->name && *s->name && !strchr(s->name, '/'));
	require(s->families != 0 && s->store.databases.count > 0);
	require(path_is_tidy(s->state_dir) && path_is_tidy(s->store.spool_dir));
	require(path_is_tidy(s->store.log_dir) && path_is_tidy(s->store.system_dir));
	for (size_t i = 0; i < s->store.databases.count; i++)
		require(!path_refused(s->store.databases.items[i]));
	for (size_t i = 0; i < s->share_count; i++)
		require(path_is_tidy(s->shares[i].path));
	require(!s->has_service || s->service.unit || s->service.pidfile ||
		s->service.status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server *server;
	status rc;

	if (dirfd_ < 0)
		set_up();
	write_input(data, size);
	status_begin();
	rc = config_load(dirfd_, dir, "x.conf", &server);
	if (failed(rc)) {
		require(!server && strncmp(status_pending(), dir, strlen(dir)) == 0);
		return 0;
	}
	check_loaded(server);
	server_free(server);
	return 0;
}
