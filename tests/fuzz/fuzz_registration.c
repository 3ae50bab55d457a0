/*
 * fuzz_registration.c - any bytes as a registration that a user left in the store
 *
 * The first byte of the input decides whether the rest is the whole file or is dressed
 * up, as a hostile user would, with the right first lines and the right checksum.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hash.h"
#include "server/path.h"
#include "server/registration.h"

#define NAME ".backupapi-registration"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/backupapi-fuzz-XXXXXX";
static int dirfd_ = -1;
static char name[] = "ca01", engine[] = "flat", *database, *state_dir;

static void require(int holds)
{
	if (!holds)
		abort();
}

static void clean_up(void)
{
	(void)unlinkat(dirfd_, NAME, 0);
	(void)rmdir(dir);
	free(database);
	free(state_dir);
}

static void set_up(void)
{
	require(mkdtemp(dir) != NULL);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(dirfd_ >= 0 && atexit(clean_up) == 0);
	require(asprintf(&database, "%s/db", dir) > 0);
	require(asprintf(&state_dir, "%s/state", dir) > 0);
}

static void make_file(const uint8_t *data, size_t size, struct buffer *file)
{
	if (size == 0)
		return;
	if (data[0] & 1)
		buffer_text(file, "format = registration 1\nserver = ca01\n");
	if (data[0] & 2)
		buffer_text(file, "family = 1\ntime = 0\nstate = open\nfailure = 0\n");
	buffer_add(file, data + 1, size - 1);
	if (data[0] & 4)
		buffer_text(file, "\n");
	if (data[0] & 1)
		buffer_printf(file, "checksum = %016" PRIx64 "\n",
			hash_bytes(file->data, file->size));
	require(!buffer_failed(file));
}

static void write_file(const struct buffer *file)
{
	int fd = openat(dirfd_, NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && file_write_all(fd, file->data, file->size, dir) == STATUS_OK);
	require(close(fd) == 0);
}

/* What recovery relies on. */
static void check_loaded(const struct registration *r)
{
	require(r->in_store && r->maker == geteuid());
	for (size_t i = 0; i < r->target_count; i++) {
		require(path_is_tidy(r->targets[i].old_path));
		require(path_is_tidy(r->targets[i].new_path));
	}
	for (size_t i = 0; i < r->log_count; i++) {
		require(r->logs[i].low <= r->logs[i].high);
		require(!r->logs[i].backup_log_path ||
			path_is_tidy(r->logs[i].backup_log_path));
	}
	require(!r->replaced ||
		(strncmp(r->replaced, "replaced-", 9) == 0 && !strchr(r->replaced, '/')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registration *registration;
	struct buffer file = {0};
	struct server server = {.name = name, .store.engine = engine};
	bool pending = false;

	if (dirfd_ < 0)
		set_up();
	server.state_dir = state_dir;
	server.store.databases = (struct names){.items = &database, .count = 1};
	make_file(data, size, &file);
	write_file(&file);
	buffer_free(&file);
	status_begin();
	require(registration_pending(&server, &pending) == STATUS_OK && pending);
	if (!failed(registration_load(&server, &registration)))
		check_loaded(registration);
	else
		require(!registration &&
			strncmp(status_pending(), dir, strlen(dir)) == 0);
	registration_free(registration);
	return 0;
}
