/* printf and wprintf with BACKUPAPI_PRINTF; locale "C" throughout. */
#include "compat_calls.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What was written to a stream. */
static char written[4096];
static FILE *stream;

static void setup(void)
{
	stream = tmpfile();
	ck_assert_ptr_nonnull(stream);
}

static void teardown(void)
{
	ck_assert_int_eq(fclose(stream), 0);
}

static const char *text(void)
{
	size_t size;

	rewind(stream);
	size = fread(written, 1, sizeof(written) - 1, stream);
	written[size] = '\0';
	rewind(stream);
	ck_assert_int_eq(ftruncate(fileno(stream), 0), 0);
	return written;
}

#define PRINTS(expected, ...)                                                            \
	do {                                                                             \
		SetLastError(OTHER_ERROR);                                               \
		ck_assert_int_eq(fprintf(stream, __VA_ARGS__), (int)strlen(expected));   \
		ck_assert_str_eq(text(), expected);                                      \
		ck_assert_uint_eq(GetLastError(), OTHER_ERROR);                          \
	} while (0)

#define PRINTS_WIDE(length, expected, ...)                                               \
	do {                                                                             \
		ck_assert_int_eq(fwprintf(stream, __VA_ARGS__), (length));               \
		ck_assert_str_eq(text(), expected);                                      \
	} while (0)

#define PRINTS_NOTHING(error, ...)                                                       \
	do {                                                                             \
		FAILS(fprintf(stream, __VA_ARGS__) >= 0, error);                         \
		ck_assert_str_eq(text(), "");                                            \
	} while (0)

START_TEST(wide_and_narrow_text_is_told_apart)
{
	PRINTS("narrow wide wide wide narrow", "%s %ws %S %ls %hs", "narrow", W("wide"),
		W("wide"), W("wide"), "narrow");
	PRINTS_WIDE(28, "wide wide narrow wide narrow", W("%s %ws %S %ls %hs"), W("wide"),
		W("wide"), "narrow", W("wide"), "narrow");
	PRINTS("nwwn", "%c%C%wc%hc", 'n', W('w'), W('w'), 'n');
	PRINTS_WIDE(4, "wnwn", W("%c%C%lc%hC"), W('w'), 'n', W('w'), 'n');
	PRINTS("(null) (null)", "%s %ws", (char *)NULL, (WCHAR *)NULL);
}
END_TEST

START_TEST(text_is_utf8_whatever_the_locale)
{
	PRINTS("\xc3\xa4\xf0\x9f\x94\x91", "%ws", W("\u00e4\U0001f511"));
	PRINTS_WIDE(sizeof(WCHAR) == 2 ? 4 : 3, "\xc3\xa4-\xf0\x9f\x94\x91",
		W("\u00e4-%c"), 0x1f511);
	PRINTS("    \xc3\xa4|\xc3\xa4    |\xc3\xa4", "%5ws|%-5ws|%.1ws", W("\u00e4"),
		W("\u00e4"), W("\u00e4z"));
	PRINTS("  \xc3\xa4", "%3s", "\xc3\xa4");
}
END_TEST

START_TEST(a_precision_bounds_what_is_read)
{
	const WCHAR unended[3] = {W('a'), W('b'), W('c')};
	const char narrow[3] = {'x', 'y', 'z'};

	PRINTS("abc ab xyz", "%.3ws %.*ws %.3s", unended, 2, unended, narrow);
	PRINTS("", "%.0ws%.s", unended, narrow);
	PRINTS("all", "%.*s", -1, "all");
}
END_TEST

START_TEST(a_precision_cuts_no_character_in_two)
{
	WCHAR unended[3];
	size_t size = wide_put(0x1f511, unended);

	unended[size] = W('z');
	PRINTS("\xf0\x9f\x94\x91z|\xf0\x9f\x94\x91|", "%.*ws|%.*ws|%.*ws", (int)size + 1,
		unended, (int)size, unended, (int)size - 1, unended);
	PRINTS("  \xf0\x9f\x94\x91|", "%3.*ws|", (int)size, unended);
}
END_TEST

START_TEST(numbers_have_the_sizes_of_windows)
{
	HRESULT hr = (HRESULT)0x80070005;
	DWORD size = 0xffffffff;
	LARGE_INTEGER large = {.QuadPart = INT64_MIN};

	/* Behind six arguments the rest is on the stack. */
	PRINTS("1 2 3 4 5 6 0x80070005 4294967295 -2147024891 -1",
		"%d %d %d %d %d %d 0x%08lx %lu %ld %li", 1, 2, 3, 4, 5, 6, hr, size, hr,
		(LONG)-1);
	PRINTS("-9223372036854775808 18446744073709551615 ffffffffffffffff",
		"%I64d %I64u %llx", large.QuadPart, UINT64_MAX, UINT64_MAX);
	PRINTS("-1 255 -1 65535 -5 7", "%hhd %hhu %hd %hu %I32d %Iu", 255, 255, 65535,
		65535, -5, (size_t)7);
	PRINTS("+007| 12  |0X1F|017|-3", "%+04d| %-4u|%#X|%#o|%td", 7, 12u, 31u, 15u,
		(ptrdiff_t)-3);
	PRINTS("  42|42   |00042", "%*d|%*d|%.5d", 4, 42, -5, 42, 42);
	PRINTS("1.50 2.5e+00 3", "%.2f %.1e %Lg", 1.5, 2.5, 3.0L);
	PRINTS("100%", "%u%%", 100u);
}
END_TEST

START_TEST(a_nul_character_is_written)
{
	ck_assert_int_eq(fprintf(stream, "a%cb", 0), 3);
	rewind(stream);
	ck_assert_uint_eq(fread(written, 1, 10, stream), 3);
	ck_assert_mem_eq(written, "a\0b", 3);
}
END_TEST

START_TEST(what_is_no_format_prints_nothing)
{
	const WCHAR beyond[] = {NO_CHARACTER, 0};
	int count = 7;

	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "text %");
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "text %-5");
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "text %y", 1);
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "text %n", &count);
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "%99999999999d", 1);
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, "%*d", INT_MIN, 1);
	PRINTS_NOTHING(ERROR_NO_UNICODE_TRANSLATION, "%ws", beyond);
	PRINTS_NOTHING(ERROR_NO_UNICODE_TRANSLATION, "%C", 0x110000);
	PRINTS_NOTHING(ERROR_NO_UNICODE_TRANSLATION, "%C", 0xd83d);
	PRINTS_NOTHING(ERROR_INVALID_PARAMETER, NULL, 0);
	FAILS(fwprintf(stream, beyond) >= 0, ERROR_NO_UNICODE_TRANSLATION);
	FAILS(fwprintf(stream, NULL) >= 0, ERROR_INVALID_PARAMETER);
	ck_assert_int_eq(count, 7);
}
END_TEST

START_TEST(a_stream_that_fails_is_told)
{
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	ck_assert_int_eq(setvbuf(full, NULL, _IONBF, 0), 0);
	ck_assert_int_eq(fprintf(full, "%ws", W("text")), -1);
	ck_assert_int_eq(fclose(full), 0);
}
END_TEST

/* An attribute keeps its word. */
__attribute__((format(printf, 1, 2))) static int checked(const char *format, ...)
{
	va_list arguments;
	size_t length;
	char *formatted;

	va_start(arguments, format);
	formatted = backupapi_format(sizeof(WCHAR), format, arguments, &length);
	va_end(arguments);
	backupapi_free(formatted);
	return (int)length;
}

START_TEST(attributes_of_functions_stay_as_they_are)
{
	ck_assert_int_eq(checked("%d%s", 12, "x"), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compat_printf");
	TCase *tcase = tcase_create("compat_printf");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, wide_and_narrow_text_is_told_apart);
	tcase_add_test(tcase, text_is_utf8_whatever_the_locale);
	tcase_add_test(tcase, a_precision_bounds_what_is_read);
	tcase_add_test(tcase, a_precision_cuts_no_character_in_two);
	tcase_add_test(tcase, numbers_have_the_sizes_of_windows);
	tcase_add_test(tcase, a_nul_character_is_written);
	tcase_add_test(tcase, what_is_no_format_prints_nothing);
	tcase_add_test(tcase, a_stream_that_fails_is_told);
	tcase_add_test(tcase, attributes_of_functions_stay_as_they_are);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
