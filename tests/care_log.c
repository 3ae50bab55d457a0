#include "care_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sis/vouch.h"
#include "sis_fixture.h"
#include "support.h"

void care_write(const char *dir, const char *name, size_t size, unsigned seed)
{
	char *path = support_path(dir, name), *data = sis_content(size, seed);

	sis_put(path, data, size);
	free(data);
	free(path);
}

bool care_has(const char *dir, const char *name, size_t size, unsigned seed)
{
	char *path = support_path(dir, name), *data = sis_content(size, seed);
	size_t there_size;
	char *there = sis_get(path, &there_size);
	bool same = there_size == size && memcmp(data, there, size) == 0;

	free(there);
	free(data);
	free(path);
	return same;
}

static void append(char *text, size_t size, const char *line)
{
	const size_t length = strlen(text);

	(void)snprintf(text + length, size - length, "%s\n", line);
}

static int note(void *context, const struct backupapi_sis_event *event)
{
	struct care_log *log = context;

	ck_assert_uint_lt(event->kind, 16);
	ck_assert_ptr_nonnull(event->path);
	log->counts[event->kind]++;
	if (event->reason)
		append(log->reasons, sizeof(log->reasons), event->reason);
	if (event->kind != BACKUPAPI_SIS_SCANNING &&
		event->kind != BACKUPAPI_SIS_PROGRESS)
		append(log->paths, sizeof(log->paths), event->path);
	return log->end_at && event->kind == log->end_at;
}

void care_log_begin(struct care_log *log)
{
	*log = (struct care_log){0};
	log->care = (struct sis_care){
		.callback = note, .context = log, .summary = &log->summary};
}

char *care_store_file(const char *dir, const char *name)
{
	struct backupapi_sis_link_info info;
	char file[80];

	ck_assert_int_eq(sis_show(dir, name, &info), STATUS_OK);
	(void)snprintf(file, sizeof(file), STORE_NAME "/%s.sis", info.guid);
	return support_path(dir, file);
}

bool care_is_link(const char *dir, const char *name)
{
	struct backupapi_sis_link_info info;
	status rc = sis_show(dir, name, &info);

	if (rc == STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return false;
	ck_assert_int_eq(rc, STATUS_OK);
	return info.vouched && info.intact && info.store_file;
}

void care_volumes_make(void)
{
	static bool made;

	if (!made)
		sis_volumes_make();
	made = true;
}

bool care_can_mount(const char *mkfs)
{
	char command[80];

	(void)snprintf(command, sizeof(command),
		"PATH=$PATH:/sbin:/usr/sbin command -v %s"
		" > /dev/null",
		mkfs);
	return !sis_may_skip() ||
	       (geteuid() == 0 && access("/dev/loop-control", F_OK) == 0 &&
		       system(command) == 0);
}

void care_make_bare(const char *dir, size_t size, bool vouched)
{
	char *data = sis_content(size, 1), *path = support_path(dir, "bare");
	struct volume *volume;
	struct store *store;
	uint8_t reparse[72];
	int fd;

	sis_put_store_file(dir, SIS_GUID_A, data, size);
	sis_reparse(SIS_GUID_A, 1, data, size, reparse);
	sis_put_bare(path, reparse, size);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(volume_open(dir, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(store_raise_index(store, 1), STATUS_OK);
	ck_assert_int_ge(fd = open(path, O_RDWR), 0);
	if (vouched)
		ck_assert_int_eq(vouch_record(store, fd, path, reparse), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	store_close(store);
	volume_close(volume);
	free(path);
	free(data);
}
