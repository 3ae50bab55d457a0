/*
 * sis_restore_pass.h - a restore pass over a volume, for the tests of lib/sis/restore*.c and
 * resolve*.c
 */
#ifndef TESTS_SIS_RESTORE_PASS_H
#define TESTS_SIS_RESTORE_PASS_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sis/reparse.h"
#include "sis/restore.h"
#include "sis/vouch.h"
#include "sis_fixture.h"
#include "support.h"

#define SIZE     ((size_t)70001)
#define CRC      STATUS_WIN32(ERROR_CRC)
#define NO_FILE  STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define DENIED   STATUS_WIN32(ERROR_ACCESS_DENIED)
#define INVALID  STATUS_WIN32(ERROR_INVALID_DATA)
#define BAD_NAME STATUS_WIN32(ERROR_INVALID_NAME)

static char *root, *content;
static struct sis_restore *restore;
static uint8_t reparse[72];

static inline char *inside(const char *name)
{
	return sis_path(sis_path(root, STORE_NAME), name);
}

static inline void begin_pass(void)
{
	struct names files = {0};

	ck_assert_int_eq(sis_restore_begin(root, &restore, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 1);
	ck_assert_str_eq(files.items[0], inside(STORE_MAX_INDEX));
	ck_assert_str_eq(sis_restore_store_path(restore), sis_path(root, STORE_NAME));
	names_free(&files);
}

static inline bool begin(int type)
{
	root = sis_volume((enum volume_type)type);
	if (!root)
		return false;
	content = sis_content(SIZE, 5);
	sis_reparse(SIS_GUID_A, 77, content, SIZE, reparse);
	begin_pass();
	return true;
}

/* The status of telling; whether the store file was asked for must be as EXPECTED. */
static inline status tell(const char *name, const uint8_t buffer[72], bool asked)
{
	char *path = sis_path(root, name), *store_file = root;
	status rc = sis_restore_link(restore, path, buffer, 72, &store_file);

	ck_assert_int_eq(store_file != NULL, asked);
	free(store_file);
	return rc;
}

static inline void put_link(const char *name)
{
	char *path = sis_path(root, name);

	sis_put_bare(path, reparse, SIZE);
}

static inline void put_store_file(void)
{
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(
		sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), STATUS_OK);
}

static inline void check_content(const char *name, bool there)
{
	size_t size;
	char *data = sis_get(sis_path(root, name), &size);
	char *expected = there ? content : sis_keep(calloc(1, SIZE));

	ck_assert_uint_eq(size, SIZE);
	ck_assert(memcmp(data, expected, SIZE) == 0);
}

static inline bool is_link(const char *name)
{
	struct volume *volume;
	struct store *store;
	struct link_state state;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	if (failed(vouch_look(store, volume->fd, name, &state)))
		state.vouched = false;
	store_close(store);
	volume_close(volume);
	return vouch_is_link(&state);
}

static inline uint64_t max_index(void)
{
	struct volume *volume;
	struct store *store;
	uint64_t index;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	store_close(store);
	volume_close(volume);
	return index;
}

#endif
