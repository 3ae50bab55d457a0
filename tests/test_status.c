#include "base/status.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status_table.h"
#include "support.h"

#define DENIED STATUS_WIN32(ERROR_ACCESS_DENIED)

START_TEST(failing_notes_file_and_reason_and_returns_the_code)
{
	errno = ERANGE;
	ck_assert_int_eq(
		status_fail(DENIED, "%s: line %d is wrong", "/etc/x", 7), DENIED);
	ck_assert_str_eq(status_pending(), "/etc/x: line 7 is wrong");
	ck_assert_int_eq(errno, ERANGE);
	status_begin();
	ck_assert_str_eq(status_pending(), "");
}
END_TEST

START_TEST(system_errors_are_explained_by_the_system)
{
	char expected[256];

	errno = ERANGE;
	ck_assert_int_eq(status_errno(ENOENT, "%s", "/srv/ca"),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	(void)snprintf(expected, sizeof(expected), "/srv/ca: %s", strerror(ENOENT));
	ck_assert_str_eq(status_pending(), expected);
	ck_assert_int_eq(errno, ERANGE);
}
END_TEST

START_TEST(errno_values_become_win32_codes)
{
	static const struct {
		int err;
		uint32_t code;
	} pairs[] = {
		{EACCES, ERROR_ACCESS_DENIED},
		{EPERM, ERROR_ACCESS_DENIED},
		{ENOENT, ERROR_FILE_NOT_FOUND},
		{ENOTDIR, ERROR_PATH_NOT_FOUND},
		{ENOSPC, ERROR_DISK_FULL},
		{EDQUOT, ERROR_DISK_FULL},
		{ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
		{EEXIST, ERROR_ALREADY_EXISTS},
		{EMFILE, ERROR_TOO_MANY_OPEN_FILES},
		{EROFS, ERROR_WRITE_PROTECT},
		{EXDEV, ERROR_NOT_SAME_DEVICE},
		{EIO, ERROR_IO_DEVICE},
		{ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE},
		{EDOM, ERROR_GEN_FAILURE},
		{0, ERROR_GEN_FAILURE},
		{-1, ERROR_GEN_FAILURE},
		{12345, ERROR_GEN_FAILURE},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		ck_assert_int_eq(
			status_from_errno(pairs[i].err), STATUS_WIN32(pairs[i].code));
}
END_TEST

START_TEST(every_errno_fails)
{
	for (int err = -10; err < 5000; err++)
		ck_assert(failed(status_from_errno(err)));
}
END_TEST

START_TEST(lack_of_memory_is_said)
{
	ck_assert_int_eq(status_no_memory(), STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_str_eq(status_pending(), "out of memory");
}
END_TEST

START_TEST(an_explanation_can_be_passed_on)
{
	(void)status_fail(DENIED, "/a: closed");
	(void)status_fail(hrError, "recovery of %s: %s", "ca01", status_pending());
	ck_assert_str_eq(status_pending(), "recovery of ca01: /a: closed");
	(void)status_errno(EIO, "%s", status_pending());
	ck_assert_int_eq(
		strncmp(status_pending(), "recovery of ca01: /a: closed: ", 30), 0);
}
END_TEST

START_TEST(publishing_a_failure_makes_it_the_last_error)
{
	status_begin();
	errno = ERANGE;
	(void)status_fail(DENIED, "/a: closed");
	ck_assert_int_eq(status_publish(DENIED), DENIED);
	ck_assert_uint_eq(status_last_error(), 0x80070005u);
	ck_assert_str_eq(status_detail(), "/a: closed");
	ck_assert_str_eq(status_pending(), "");
	ck_assert_int_eq(errno, ERANGE);
}
END_TEST

START_TEST(success_changes_nothing_and_forgets_its_notes)
{
	status_begin();
	(void)status_fail(hrError, "first");
	(void)status_publish(hrError);
	status_begin();
	(void)status_fail(DENIED, "tried in vain");
	ck_assert_int_eq(status_publish(STATUS_OK), STATUS_OK);
	ck_assert_uint_eq(status_last_error(), (uint32_t)hrError);
	ck_assert_str_eq(status_detail(), "first");
	ck_assert_str_eq(status_pending(), "");
}
END_TEST

START_TEST(a_note_of_another_failure_is_no_explanation)
{
	status_begin();
	(void)status_fail(DENIED, "tried in vain");
	(void)status_publish(hrBackupInProgress);
	ck_assert_uint_eq(status_last_error(), (uint32_t)hrBackupInProgress);
	ck_assert_str_eq(status_detail(), status_text(hrBackupInProgress));
	status_begin();
	(void)status_publish(DENIED);
	ck_assert_str_eq(status_detail(), status_text(DENIED));
}
END_TEST

START_TEST(setting_the_last_error_forgets_the_detail)
{
	(void)status_fail(DENIED, "/a: closed");
	(void)status_publish(DENIED);
	status_set_last_error(ERROR_INVALID_BLOCK);
	ck_assert_uint_eq(status_last_error(), ERROR_INVALID_BLOCK);
	ck_assert_str_eq(status_detail(), "");
}
END_TEST

static void *look(void *clean)
{
	*(bool *)clean = status_last_error() == 0 && status_detail()[0] == '\0' &&
			 status_pending()[0] == '\0';
	(void)status_fail(hrError, "the other thread's");
	(void)status_publish(hrError);
	return NULL;
}

START_TEST(every_thread_has_its_own)
{
	bool clean = false;
	pthread_t thread;

	(void)status_fail(DENIED, "/a: closed");
	(void)status_publish(DENIED);
	ck_assert_int_eq(pthread_create(&thread, NULL, look, &clean), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(clean);
	ck_assert_uint_eq(status_last_error(), (uint32_t)DENIED);
	ck_assert_str_eq(status_detail(), "/a: closed");
}
END_TEST

START_TEST(long_paths_lose_their_middle_not_the_reason)
{
	char path[4096];
	const char *note;

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "/srv/", 5);
	(void)status_fail(DENIED, "%s: the reason", path);
	note = status_pending();
	ck_assert_uint_eq(strlen(note), 1023);
	ck_assert_int_eq(strncmp(note, "/srv/ppp", 8), 0);
	ck_assert_ptr_nonnull(strstr(note, " ... "));
	ck_assert_str_eq(note + strlen(note) - 12, ": the reason");

	(void)status_errno(EIO, "%s", path);
	note = status_pending();
	ck_assert_uint_le(strlen(note), 1023);
	ck_assert_str_eq(note + strlen(note) - strlen(strerror(EIO)), strerror(EIO));
}
END_TEST

START_TEST(characters_are_not_cut_in_two)
{
	char path[4096];

	for (size_t shift = 0; shift < 4; shift++) {
		const char *note;
		size_t i = shift;

		memset(path, 'x', shift);
		for (; i + 3 < sizeof(path); i += 3)
			memcpy(path + i, "\xe2\x82\xac", 3);
		path[i] = '\0';
		(void)status_fail(DENIED, "%s", path);
		note = status_pending() + shift;
		for (; strncmp(note, " ... ", 5) != 0; note += 3)
			ck_assert_mem_eq(note, "\xe2\x82\xac", 3);
		for (note += 5; *note; note += 3)
			ck_assert_mem_eq(note, "\xe2\x82\xac", 3);
	}
}
END_TEST

START_TEST(a_detail_is_one_line)
{
	(void)status_fail(DENIED, "/a\nb\x1b[2J\x7f: closed");
	ck_assert_str_eq(status_pending(), "/a?b?[2J?: closed");
}
END_TEST

/* ---- names and sentences ---- */

START_TEST(names_are_found_by_hresult_and_win32_code)
{
	ck_assert_str_eq(status_name(STATUS_OK), "hrNone");
	ck_assert_str_eq(status_name(5), "ERROR_ACCESS_DENIED");
	ck_assert_str_eq(status_name(DENIED), "ERROR_ACCESS_DENIED");
	ck_assert_str_eq(status_name(hrBackupInProgress), "hrBackupInProgress");
	ck_assert_str_eq(status_name(1722), "RPC_S_SERVER_UNAVAILABLE");
	ck_assert_str_eq(status_text(DENIED), "access was denied");
	ck_assert_str_eq(status_text(5), "access was denied");
}
END_TEST

START_TEST(unknown_codes_get_something_to_say)
{
	ck_assert_str_eq(status_text((status)0xc8000001), "database engine error");
	ck_assert_str_eq(status_text((status)0x88000001), "database engine warning");
	for (uint32_t i = 0; i < 100000; i++) {
		status code = (status)(i * 42949u);

		ck_assert(status_name(code) && status_name(code)[0]);
		ck_assert(status_text(code) && status_text(code)[0]);
	}
	ck_assert_str_eq(status_name(INT32_MIN), "unknown error");
	ck_assert_str_eq(status_name(INT32_MAX), "unknown error");
	ck_assert_str_eq(status_name(-1), "unknown error");
	ck_assert_str_eq(status_name(STATUS_WIN32(0)), "unknown error");
	ck_assert_str_eq(status_name(STATUS_WIN32(0xffff)), "unknown error");
}
END_TEST

START_TEST(the_table_is_sorted_and_complete)
{
	for (size_t i = 0; i < status_table_size; i++) {
		const struct status_entry *entry = &status_table[i];

		if (i > 0)
			ck_assert_uint_lt(entry[-1].code, entry->code);
		ck_assert_str_eq(status_name((status)entry->code), entry->name);
		ck_assert_str_eq(status_text((status)entry->code), entry->text);
		ck_assert_uint_gt(strlen(entry->text), 5);
	}
}
END_TEST

/* The code that a line of one of the headers defines. */
static bool defined_code(const char *line, char *name, uint32_t *code)
{
	unsigned long value;

	if (sscanf(line, "#define %63s ((%*[A-Za-z0-9_])0x%lx))", name, &value) == 2 ||
		(sscanf(line, "#define %63s %lu", name, &value) == 2 &&
			isupper((unsigned char)name[0]) && !strstr(name, "FACILITY") &&
			!strstr(name, "SEVERITY"))) {
		*code = (uint32_t)value;
		return true;
	}
	return false;
}

static size_t check_header(const char *path)
{
	char *header = support_read(path), *rest = header, *line, name[64];
	size_t count = 0;
	uint32_t code;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (!defined_code(line, name, &code) ||
			strcmp(name, "ERROR_SUCCESS") == 0 ||
			(strncmp(name, "BACKUPAPI", 9) == 0 && code < 0x80000000))
			continue;
		count++;
		ck_assert_str_eq(status_name((status)code), name);
	}
	free(header);
	return count;
}

START_TEST(every_code_of_the_headers_is_in_the_table)
{
	size_t count = check_header(SOURCE_ROOT "/include/ntdsbmsg.h") +
		       check_header(SOURCE_ROOT "/include/backupapi/errors.h") +
		       check_header(SOURCE_ROOT "/include/backupapi/ese.h");

	ck_assert_uint_eq(count, status_table_size);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("status");
	TCase *tcase = tcase_create("status");

	tcase_add_test(tcase, failing_notes_file_and_reason_and_returns_the_code);
	tcase_add_test(tcase, system_errors_are_explained_by_the_system);
	tcase_add_test(tcase, errno_values_become_win32_codes);
	tcase_add_test(tcase, every_errno_fails);
	tcase_add_test(tcase, lack_of_memory_is_said);
	tcase_add_test(tcase, an_explanation_can_be_passed_on);
	tcase_add_test(tcase, publishing_a_failure_makes_it_the_last_error);
	tcase_add_test(tcase, success_changes_nothing_and_forgets_its_notes);
	tcase_add_test(tcase, a_note_of_another_failure_is_no_explanation);
	tcase_add_test(tcase, setting_the_last_error_forgets_the_detail);
	tcase_add_test(tcase, every_thread_has_its_own);
	tcase_add_test(tcase, long_paths_lose_their_middle_not_the_reason);
	tcase_add_test(tcase, characters_are_not_cut_in_two);
	tcase_add_test(tcase, a_detail_is_one_line);
	tcase_add_test(tcase, names_are_found_by_hresult_and_win32_code);
	tcase_add_test(tcase, unknown_codes_get_something_to_say);
	tcase_add_test(tcase, the_table_is_sorted_and_complete);
	tcase_add_test(tcase, every_code_of_the_headers_is_in_the_table);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
