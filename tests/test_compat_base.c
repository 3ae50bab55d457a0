/* Last error, messages, this computer's name, tchar.h and the macros of winerror.h. */
#include "compat_calls.h"

#include <tchar.h>

#include <ntdsbmsg.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSTEM (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS)

START_TEST(last_error_is_the_librarys)
{
	SetLastError(ERROR_ACCESS_DENIED);
	ck_assert_uint_eq(GetLastError(), 5);
	ck_assert_uint_eq(backupapi_get_last_error(), 5);
	SetLastError((DWORD)hrBackupInProgress);
	ck_assert_uint_eq(GetLastError(), 0xc80001f9);
}
END_TEST

START_TEST(results_are_judged_whatever_their_type)
{
	const unsigned long long wide = 0xc8000209;

	ck_assert(FAILED(0xc8000209u));
	ck_assert(FAILED(wide));
	ck_assert(!SUCCEEDED(0x80070005u));
	ck_assert(SUCCEEDED(ERROR_HANDLE_EOF));
	ck_assert_int_eq(HRESULT_FROM_WIN32(ERROR_SUCCESS), S_OK);
	ck_assert_int_eq(HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED), E_ACCESSDENIED);
	ck_assert_int_eq(HRESULT_FROM_WIN32(E_ACCESSDENIED), E_ACCESSDENIED);
	ck_assert_uint_eq((DWORD)HRESULT_CODE(E_ACCESSDENIED), ERROR_ACCESS_DENIED);
	ck_assert_int_eq(HRESULT_FACILITY(E_ACCESSDENIED), FACILITY_WIN32);
	ck_assert_int_eq(MAKE_HRESULT(1, FACILITY_WIN32, 87), E_INVALIDARG);
}
END_TEST

/* ---- FormatMessage ---- */

START_TEST(a_message_is_a_sentence_with_a_line_end)
{
	char text[200];
	WCHAR wide[200];
	DWORD length;

	WORKS(length = FormatMessageA(
		      SYSTEM, NULL, ERROR_ACCESS_DENIED, 0, text, 200, NULL));
	ck_assert_str_eq(text, "Access was denied.\r\n");
	ck_assert_uint_eq(length, strlen(text));
	WORKS(length = FormatMessageW(
		      SYSTEM, NULL, (DWORD)HRESULT_FROM_WIN32(5), 0, wide, 200, NULL));
	ck_assert(wide_equal(wide, W("Access was denied.\r\n")));
	ck_assert_uint_eq(length, wide_length(wide));
	WORKS(FormatMessageA(SYSTEM | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL,
		ERROR_ACCESS_DENIED, 0, text, 200, NULL));
	ck_assert_str_eq(text, "Access was denied. ");
	WORKS(FormatMessageA(SYSTEM, NULL, ERROR_SUCCESS, 0, text, 200, NULL));
	ck_assert_str_eq(text, "Success.\r\n");
}
END_TEST

START_TEST(messages_of_backup_codes_are_found_in_module_and_system)
{
	HMODULE dll = LoadLibrary(TEXT("ntdsbcli.dll"));
	char by_module[200], by_system[200];

	WORKS(FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE, dll, (DWORD)hrContentsExpired,
		MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), by_module, 200, NULL));
	WORKS(FormatMessageA(SYSTEM | FORMAT_MESSAGE_FROM_HMODULE, NULL,
		(DWORD)hrContentsExpired, 0, by_system, 200, NULL));
	ck_assert_str_eq(by_module, by_system);
	WORKS(FreeLibrary(dll));
	FAILS(FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE, dll, (DWORD)hrContentsExpired,
		      0, by_module, 200, NULL),
		ERROR_INVALID_HANDLE);
}
END_TEST

START_TEST(an_allocated_message_is_released_with_LocalFree)
{
	char *text = NULL;
	WCHAR *wide = NULL;
	struct backupapi_memory_stats before, after;
	DWORD length;

	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before), 0);
	WORKS(length = FormatMessageA(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL,
		      ERROR_CRC, 0, (LPSTR)&text, 0, NULL));
	ck_assert_uint_eq(length, strlen(text));
	WORKS(length = FormatMessageW(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL,
		      ERROR_CRC, 0, (LPWSTR)&wide, 1000, NULL));
	ck_assert_uint_eq(length, wide_length(wide));
	wide[999] = W('!'); /* the least size that was asked for is there */
	WORKS(LocalFree(text) == NULL);
	WORKS(LocalFree(wide) == NULL);
	WORKS(LocalFree(NULL) == NULL);
	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after), 0);
	ck_assert_uint_eq(before.live_blocks, after.live_blocks);
	FAILS_QUIETLY(LocalFree(text) == NULL, ERROR_INVALID_BLOCK);
	FAILS_QUIETLY(LocalFree(&text) == NULL, ERROR_INVALID_BLOCK);
}
END_TEST

START_TEST(allocated_memory_is_released_with_LocalFree)
{
	BYTE *plain, *zeros, *none;

	WORKS(plain = (BYTE *)LocalAlloc(LMEM_FIXED, 100));
	WORKS(zeros = (BYTE *)LocalAlloc(LPTR, 100));
	WORKS(none = (BYTE *)LocalAlloc(LMEM_FIXED, 0));
	memset(plain, 1, 100);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(zeros[i], 0);
	WORKS(LocalFree(plain) == NULL);
	WORKS(LocalFree(zeros) == NULL);
	WORKS(LocalFree(none) == NULL);
	FAILS_QUIETLY(LocalFree(zeros) == NULL, ERROR_INVALID_BLOCK);
	FAILS_QUIETLY(LocalAlloc(2, 100), ERROR_INVALID_PARAMETER); /* movable */
}
END_TEST

START_TEST(a_message_that_cannot_be_is_refused)
{
	char text[200] = "as it was", *allocated = text;
	WCHAR wide[4] = W("was");

	FAILS(FormatMessageA(SYSTEM, NULL, 0xe0001234, 0, text, 200, NULL),
		ERROR_MR_MID_NOT_FOUND);
	FAILS(FormatMessageA(SYSTEM, NULL, 0xc800ffff, 0, text, 200, NULL),
		ERROR_MR_MID_NOT_FOUND);
	FAILS(FormatMessageA(0, NULL, ERROR_CRC, 0, text, 200, NULL),
		ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(
		FormatMessageA(FORMAT_MESSAGE_FROM_STRING, "%1", 0, 0, text, 200, NULL),
		ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(FormatMessageA(SYSTEM, NULL, ERROR_CRC, 0, NULL, 200, NULL),
		ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(FormatMessageA(SYSTEM, NULL, ERROR_CRC, 0, text, 5, NULL),
		ERROR_INSUFFICIENT_BUFFER);
	FAILS_QUIETLY(FormatMessageW(SYSTEM, NULL, ERROR_CRC, 0, wide, 4, NULL),
		ERROR_INSUFFICIENT_BUFFER);
	ck_assert_str_eq(text, "as it was");
	ck_assert(wide_equal(wide, W("was")));
	FAILS(FormatMessageA(SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER, NULL, 0xe0001234, 0,
		      (LPSTR)&allocated, 0, NULL),
		ERROR_MR_MID_NOT_FOUND);
	ck_assert_ptr_null(allocated);
}
END_TEST

/* With 32 bits the size in bytes would be none any more. */
START_TEST(a_message_of_any_size_is_not_allocated)
{
	static const DWORD sizes[] = {
		0x10001, 0x40000000, 0x40000001, 0x80000000, 0xffffffff};
	const DWORD flags = SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER;
	char *text;
	WCHAR *wide;

	for (size_t i = 0; i < ARRAYSIZE(sizes); i++) {
		text = (char *)&text;
		wide = (WCHAR *)&wide;
		FAILS_QUIETLY(FormatMessageA(flags, NULL, ERROR_CRC, 0, (LPSTR)&text,
				      sizes[i], NULL),
			ERROR_NOT_ENOUGH_MEMORY);
		FAILS_QUIETLY(FormatMessageW(flags, NULL, ERROR_CRC, 0, (LPWSTR)&wide,
				      sizes[i], NULL),
			ERROR_NOT_ENOUGH_MEMORY);
		ck_assert_ptr_null(text);
		ck_assert_ptr_null(wide);
	}
	WORKS(FormatMessageW(flags, NULL, ERROR_CRC, 0, (LPWSTR)&wide, 0x10000, NULL));
	wide[0xffff] = W('!');
	WORKS(LocalFree(wide) == NULL);
}
END_TEST

/* A buffer of the caller's has the size that he says. */
START_TEST(a_message_goes_to_a_buffer_of_any_size)
{
	char text[200];
	WCHAR wide[200];

	WORKS(FormatMessageA(SYSTEM, NULL, ERROR_CRC, 0, text, 0xffffffff, NULL));
	WORKS(FormatMessageW(SYSTEM, NULL, ERROR_CRC, 0, wide, 0xffffffff, NULL));
	ck_assert_uint_eq(wide_length(wide), strlen(text));
	ck_assert_uint_gt(strlen(text), 2);
}
END_TEST

START_TEST(every_code_that_has_a_name_has_a_message)
{
	char text[300];
	unsigned found = 0;

	for (DWORD code = 0; code < 6000; code++)
		if (strncmp(backupapi_error_name((int32_t)code), "unknown", 7) != 0) {
			WORKS(FormatMessageA(SYSTEM, NULL, code, 0, text, 300, NULL));
			ck_assert_int_ge(text[0], 'A');
			ck_assert_int_le(text[0], 'Z');
			found++;
		}
	ck_assert_uint_gt(found, 40);
}
END_TEST

/* ---- names ---- */

START_TEST(the_computers_name_is_the_hosts_own)
{
	char host[256], name[256];
	WCHAR wide[256], small[1];
	DWORD size = 256, needed = 1;

	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	host[strcspn(host, ".")] = '\0';
	WORKS(GetComputerNameA(name, &size));
	ck_assert_str_eq(name, host);
	ck_assert_uint_eq(size, strlen(host));
	size = 256;
	WORKS(GetComputerNameW(wide, &size));
	ck_assert_uint_eq(size, wide_length(wide));
	ck_assert_uint_eq(size, strlen(host));
	FAILS_QUIETLY(GetComputerNameW(small, &needed), ERROR_BUFFER_OVERFLOW);
	ck_assert_uint_eq(needed, size + 1);
	needed = 0;
	FAILS_QUIETLY(GetComputerNameA(NULL, &needed), ERROR_BUFFER_OVERFLOW);
	ck_assert_uint_eq(needed, size + 1);
	FAILS_QUIETLY(GetComputerNameA(NULL, &needed), ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(GetComputerNameA(name, NULL), ERROR_INVALID_PARAMETER);
}
END_TEST

/* One of each plane of Unicode, and the ends of every length in UTF-8. */
START_TEST(text_survives_the_way_there_and_back)
{
	WCHAR wide[60] = {1, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0xdc80, 0xdcff}, back[60];
	size_t count = 8;
	char *text;

	for (uint32_t plane = 1; plane <= 16; plane++)
		count += wide_put(plane << 16 | 0xfffd, wide + count);
	WORKS(text = backupapi_text_from_wide(wide));
	ck_assert_uint_eq(backupapi_text_to_wide(text, NULL, 0), count);
	ck_assert_uint_eq(backupapi_text_to_wide(text, back, count + 1), count);
	ck_assert_mem_eq(wide, back, (count + 1) * sizeof(WCHAR));
	back[0] = W('x');
	ck_assert_uint_eq(backupapi_text_to_wide(text, back, count), count);
	ck_assert_int_eq(back[0], W('x'));
	backupapi_free(text);
	FAILS(backupapi_text_from_wide(NULL), ERROR_INVALID_PARAMETER);
	FAILS(backupapi_text_to_wide(NULL, back, 1), ERROR_INVALID_PARAMETER);
}
END_TEST

START_TEST(what_is_no_character_is_refused)
{
	static const WCHAR none[][4] = {
		{NO_CHARACTER},
		{0xdbff, 'x'},
		{0xdc00},
		{0xdc7f},
		{'x', 0xdd00},
		{0xdfff},
		{0xdc80, NO_CHARACTER},
#if BACKUPAPI_WCHAR_SIZE == 4
		{0x110000},
		{(WCHAR)0xffffffff},
		{0xd83d, 0xdd11},
#endif
	};

	for (size_t i = 0; i < ARRAYSIZE(none); i++)
		FAILS(backupapi_text_from_wide(none[i]), ERROR_NO_UNICODE_TRANSLATION);
}
END_TEST

START_TEST(text_of_either_kind_is_copied)
{
	/* Compilers warn of what they see cut off. */
	const _TCHAR *volatile three = _T(" three"), *volatile letters = _T("abcdef");
	_TCHAR text[12], padded[6];

	for (size_t i = 0; i < ARRAYSIZE(padded); i++)
		padded[i] = _T('#');
	ck_assert(_tcscpy(text, _T("one")) == text);
	ck_assert(_tcscat(text, _T(" two")) == text);
	ck_assert(_tcsncat(text, three, 3) == text);
	ck_assert_int_eq(_tcscmp(text, _T("one two th")), 0);
	ck_assert_uint_eq(_tcslen(text), 10);
	ck_assert(_tcsncat(text, _T("!"), 9) == text);
	ck_assert_int_eq(_tcscmp(text, _T("one two th!")), 0);
	ck_assert(_tcsncpy(padded, _T("ab"), 5) == padded);
	ck_assert_mem_eq(padded, _T("ab\0\0\0#"), sizeof(padded));
	ck_assert(_tcsncpy(padded, letters, 2) == padded);
	ck_assert_mem_eq(padded, _T("ab\0\0\0#"), sizeof(padded));
}
END_TEST

START_TEST(text_of_either_kind_is_compared_and_searched)
{
	const _TCHAR *text = _T("path/to/path");

	ck_assert_int_lt(_tcscmp(_T("a"), _T("b")), 0);
	ck_assert_int_gt(_tcscmp(_T("ab"), _T("a")), 0);
	ck_assert_int_gt(_tcscmp(_T("\u00e4"), _T("z")), 0);
	ck_assert_int_eq(_tcsncmp(_T("abX"), _T("abY"), 2), 0);
	ck_assert_int_lt(_tcsncmp(_T("abX"), _T("abY"), 9), 0);
	ck_assert_int_eq(_tcsncmp(_T("ab"), _T("ab"), 9), 0);
	ck_assert(_tcschr(text, _T('/')) == text + 4);
	ck_assert(_tcsrchr(text, _T('/')) == text + 7);
	ck_assert(_tcschr(text, 0) == text + 12);
	ck_assert(_tcsrchr(text, 0) == text + 12);
	ck_assert(_tcschr(text, _T('x')) == NULL);
	ck_assert(_tcsrchr(text, _T('x')) == NULL);
	ck_assert(_tcsstr(text, _T("path")) == text);
	ck_assert(_tcsstr(text, _T("/path")) == text + 7);
	ck_assert(_tcsstr(text, _T("")) == text);
	ck_assert(_tcsstr(text, _T("paths")) == NULL);
	ck_assert(_tcsstr(_T(""), _T("a")) == NULL);
}
END_TEST

/* What is in TEXT, and how much of it was read. */
#define READS(function, type, text, base, number, length, error)                         \
	do {                                                                             \
		const _TCHAR *from = _T(text);                                           \
		_TCHAR *end = NULL;                                                      \
		errno = 0;                                                               \
		ck_assert(function(from, &end, base) == (type)(number));                 \
		ck_assert(end == from + (length));                                       \
		ck_assert_int_eq(errno, error);                                          \
		errno = 0;                                                               \
		ck_assert(function(from, NULL, base) == (type)(number));                 \
		ck_assert_int_eq(errno, error);                                          \
	} while (0)

START_TEST(lstrlen_and_its_kind_do_as_there)
{
	CHAR narrow[10];
	WCHAR wide[10];
	TCHAR either[10];

	ck_assert_int_eq(lstrlenA(NULL), 0);
	ck_assert_int_eq(lstrlenW(NULL), 0);
	ck_assert_int_eq(lstrlenA("four"), 4);
	ck_assert_int_eq(lstrlenW(W("four")), 4);
	ck_assert_ptr_eq(lstrcatA(lstrcpyA(narrow, "one"), "two"), narrow);
	ck_assert_str_eq(narrow, "onetwo");
	ck_assert_ptr_eq(lstrcatW(lstrcpyW(wide, W("one")), W("two")), wide);
	ck_assert(wide_equal(wide, W("onetwo")));
	ck_assert_ptr_eq(lstrcpyA(narrow + 3, ""), narrow + 3);
	ck_assert_ptr_eq(lstrcpyW(wide + 3, W("")), wide + 3);
	ck_assert_str_eq(narrow, "one");
	ck_assert(wide_equal(wide, W("one")));
	ck_assert_int_eq(lstrlen(lstrcat(lstrcpy(either, TEXT("a")), TEXT("bc"))), 3);
}
END_TEST

START_TEST(copying_to_or_from_null_returns_null)
{
	CHAR narrow[] = "as it was";
	WCHAR wide[] = W("as it was");

	ck_assert_ptr_null(lstrcpyA(narrow, NULL));
	ck_assert_ptr_null(lstrcpyA(NULL, "text"));
	ck_assert_ptr_null(lstrcpyA(NULL, NULL));
	ck_assert_ptr_null(lstrcatA(narrow, NULL));
	ck_assert_ptr_null(lstrcatA(NULL, "text"));
	ck_assert_ptr_null(lstrcatA(NULL, NULL));
	ck_assert_str_eq(narrow, "as it was");
	ck_assert_ptr_null(lstrcpyW(wide, NULL));
	ck_assert_ptr_null(lstrcpyW(NULL, W("text")));
	ck_assert_ptr_null(lstrcpyW(NULL, NULL));
	ck_assert_ptr_null(lstrcatW(wide, NULL));
	ck_assert_ptr_null(lstrcatW(NULL, W("text")));
	ck_assert_ptr_null(lstrcatW(NULL, NULL));
	ck_assert(wide_equal(wide, W("as it was")));
}
END_TEST

/* The exit status itself may be valgrind's. */
static void tell_status(int code, void *pipe_end)
{
	unsigned char byte = (unsigned char)code;

	_exit(write(*(int *)pipe_end, &byte, 1) == 1 ? 0 : 1);
}

/* Without a warning that nothing is returned. */
static int end_process(UINT code)
{
	ExitProcess(code);
}

START_TEST(a_process_ends_with_its_code)
{
	unsigned char byte = 0;
	int ends[2], ended;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		if (on_exit(tell_status, &ends[1]) == 0)
			_exit(end_process(7));
		_exit(1);
	}
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 7);
	ck_assert_int_eq(waitpid(pid, &ended, 0), pid);
	(void)close(ends[0]);
}
END_TEST

START_TEST(numbers_are_read_from_text_of_either_kind)
{
	READS(_tcstol, long, " \t\n-12x", 10, -12, 6, 0);
	READS(_tcstol, long, "+0x1Fg", 0, 31, 5, 0);
	READS(_tcstol, long, "0x1f", 16, 31, 4, 0);
	READS(_tcstol, long, "0xg", 16, 0, 1, 0);
	READS(_tcstol, long, "0x", 0, 0, 1, 0);
	READS(_tcstol, long, "0178", 0, 15, 3, 0);
	READS(_tcstol, long, "zZ{", 36, 35 * 36 + 35, 2, 0);
	READS(_tcstol, long, " - 1", 10, 0, 0, 0);
	READS(_tcstol, long, "", 10, 0, 0, 0);
	READS(_tcstol, long, "99999999999999999999", 10, LONG_MAX, 20, ERANGE);
	READS(_tcstol, long, "-99999999999999999999", 10, LONG_MIN, 21, ERANGE);
	READS(_tcstoul, unsigned long, "4294967295", 10, 4294967295ul, 10, 0);
	READS(_tcstoul, unsigned long, "-1", 10, ULONG_MAX, 2, 0);
	READS(_tcstoul, unsigned long, "99999999999999999999", 10, ULONG_MAX, 20, ERANGE);
#if LONG_MAX == 9223372036854775807
	READS(_tcstol, long, "9223372036854775807", 10, LONG_MAX, 19, 0);
	READS(_tcstol, long, "9223372036854775808", 10, LONG_MAX, 19, ERANGE);
	READS(_tcstol, long, "-9223372036854775808", 10, LONG_MIN, 20, 0);
	READS(_tcstoul, unsigned long, "18446744073709551615", 10, ULONG_MAX, 20, 0);
	READS(_tcstoul, unsigned long, "18446744073709551616", 10, ULONG_MAX, 20, ERANGE);
#endif
	errno = 0;
	ck_assert_int_eq(_tcstol(_T("1"), NULL, 37), 0);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(names_are_compared_without_case)
{
	ck_assert_int_eq(_stricmp("-FULL", "-full"), 0);
	ck_assert_int_lt(_stricmp("a", "B"), 0);
	ck_assert_int_gt(_stricmp("ab", "A"), 0);
	ck_assert_int_eq(_wcsicmp(W("Certadm.DLL"), W("cERTADM.dll")), 0);
	ck_assert_int_lt(_wcsicmp(W("a"), W("ab")), 0);
	ck_assert_int_gt(_wcsicmp(W("\u00e4"), W("z")), 0);
	ck_assert_int_eq(_wcsnicmp(W("abcX"), W("ABCy"), 3), 0);
	ck_assert_int_eq(_strnicmp("abc", "x", 0), 0);
	ck_assert_int_eq(_tcsicmp(_T("A"), TEXT("a")), 0);
	ck_assert_uint_eq(_tcslen(_T("four")), 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compat_base");
	TCase *tcase = tcase_create("compat_base");

	tcase_add_test(tcase, last_error_is_the_librarys);
	tcase_add_test(tcase, results_are_judged_whatever_their_type);
	tcase_add_test(tcase, a_message_is_a_sentence_with_a_line_end);
	tcase_add_test(tcase, messages_of_backup_codes_are_found_in_module_and_system);
	tcase_add_test(tcase, an_allocated_message_is_released_with_LocalFree);
	tcase_add_test(tcase, allocated_memory_is_released_with_LocalFree);
	tcase_add_test(tcase, a_message_that_cannot_be_is_refused);
	tcase_add_test(tcase, a_message_of_any_size_is_not_allocated);
	tcase_add_test(tcase, a_message_goes_to_a_buffer_of_any_size);
	tcase_add_test(tcase, every_code_that_has_a_name_has_a_message);
	tcase_add_test(tcase, the_computers_name_is_the_hosts_own);
	tcase_add_test(tcase, text_survives_the_way_there_and_back);
	tcase_add_test(tcase, what_is_no_character_is_refused);
	tcase_add_test(tcase, text_of_either_kind_is_copied);
	tcase_add_test(tcase, text_of_either_kind_is_compared_and_searched);
	tcase_add_test(tcase, lstrlen_and_its_kind_do_as_there);
	tcase_add_test(tcase, copying_to_or_from_null_returns_null);
	tcase_add_test(tcase, a_process_ends_with_its_code);
	tcase_add_test(tcase, numbers_are_read_from_text_of_either_kind);
	tcase_add_test(tcase, names_are_compared_without_case);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
