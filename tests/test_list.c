#include "api/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void add(struct list *list, enum list_tag tag, const char *name)
{
	ck_assert_int_eq(list_take(list, tag, strdup(name)), STATUS_OK);
}

static status pack_wide(const struct list *list, enum alloc_family family,
	wchar_t **block, uint32_t *size)
{
	void *packed = NULL;
	status rc = list_pack(list, family, TEXT_WIDE, &packed, size);

	*block = packed;
	return rc;
}

START_TEST(wide_list_is_tag_name_nul_and_one_more_nul)
{
	static const wchar_t expected[] = L"D\\\\ca\\s\\a.db\0"
					  L"!\\\\ca\\s\\b.log\0"
					  L"\x82\\\\ca\\s\\logs\0"
					  L"/dynamic\0";
	struct list list = {0};
	wchar_t *block = NULL;
	uint32_t size = 0;

	add(&list, LIST_DATABASE, "\\\\ca\\s\\a.db");
	add(&list, LIST_LOG, "\\\\ca\\s\\b.log");
	add(&list, LIST_LOG_DIR, "\\\\ca\\s\\logs");
	add(&list, LIST_NO_TAG, "/dynamic");
	ck_assert_int_eq(pack_wide(&list, ALLOC_CERTSRV, &block, &size), STATUS_OK);
	ck_assert_uint_eq(size, sizeof(expected));
	ck_assert_mem_eq(block, expected, sizeof(expected));
	ck_assert(alloc_free(ALLOC_CERTSRV, block));
	list_free(&list);
}
END_TEST

START_TEST(list_of_utf16_has_pairs_for_characters_above_ffff)
{
	static const char16_t expected[] = u"D/\U0001f600.db\0"
					   u"\x83/\uffff\0";
	struct list list = {0};
	void *block = NULL;
	uint32_t size = 0;

	add(&list, LIST_DATABASE, "/\xf0\x9f\x98\x80.db");
	add(&list, LIST_CHECKPOINT_DIR, "/\xef\xbf\xbf");
	ck_assert_int_eq(
		list_pack(&list, ALLOC_CERTSRV, TEXT_UTF16, &block, &size), STATUS_OK);
	ck_assert_uint_eq(size, sizeof(expected));
	ck_assert_mem_eq(block, expected, sizeof(expected));
	ck_assert(alloc_free(ALLOC_CERTSRV, block));
	list_free(&list);
}
END_TEST

START_TEST(narrow_list_has_the_tag_as_one_byte)
{
	static const char expected[] = "D/a\0"
				       "\x82/\xc3\xa4\0"
				       "\x83/\xff\0";
	struct list list = {0};
	char *block = NULL;
	uint32_t size = 0;

	add(&list, LIST_DATABASE, "/a");
	add(&list, LIST_LOG_DIR, "/\xc3\xa4");
	add(&list, LIST_CHECKPOINT_DIR, "/\xff");
	ck_assert_int_eq(list_pack_narrow(&list, ALLOC_DS, &block, &size), STATUS_OK);
	ck_assert_uint_eq(size, sizeof(expected));
	ck_assert_mem_eq(block, expected, sizeof(expected));
	ck_assert(alloc_free(ALLOC_DS, block));
	list_free(&list);
}
END_TEST

START_TEST(empty_list_is_two_nuls)
{
	static const struct list empty;
	wchar_t *wide = NULL;
	void *utf16 = NULL;
	char *narrow = NULL;
	uint32_t size = 0;

	ck_assert_int_eq(
		list_pack(&empty, ALLOC_SIS, TEXT_UTF16, &utf16, &size), STATUS_OK);
	ck_assert_uint_eq(size, 4);
	ck_assert_mem_eq(utf16, u"\0", 4);
	ck_assert(alloc_free(ALLOC_SIS, utf16));
	ck_assert_int_eq(pack_wide(&empty, ALLOC_CERTSRV, &wide, &size), STATUS_OK);
	ck_assert_uint_eq(size, 2 * sizeof(*wide));
	ck_assert_mem_eq(wide, L"\0", 2 * sizeof(*wide));
	ck_assert(alloc_free(ALLOC_CERTSRV, wide));
	ck_assert_int_eq(list_pack_narrow(&empty, ALLOC_DS, &narrow, &size), STATUS_OK);
	ck_assert_uint_eq(size, 2);
	ck_assert_mem_eq(narrow, "\0", 2);
	ck_assert(alloc_free(ALLOC_DS, narrow));
}
END_TEST

START_TEST(bytes_that_are_not_utf8_become_low_surrogates)
{
	static const wchar_t expected[] = {L'D', L'/', 0xdcff, L'x', 0, 0};
	struct list list = {0};
	wchar_t *block = NULL;
	uint32_t size = 0;

	add(&list, LIST_DATABASE, "/\xffx");
	ck_assert_int_eq(pack_wide(&list, ALLOC_CERTSRV, &block, &size), STATUS_OK);
	ck_assert_uint_eq(size, sizeof(expected));
	ck_assert_mem_eq(block, expected, sizeof(expected));
	ck_assert(alloc_free(ALLOC_CERTSRV, block));
	list_free(&list);
}
END_TEST

START_TEST(block_belongs_to_the_family_asked_for)
{
	struct alloc_stats before, with, after;
	struct list list = {0};
	wchar_t *block = NULL;
	uint32_t size = 0;

	add(&list, LIST_DATABASE, "/a");
	alloc_get_stats(ALLOC_SIS, &before);
	ck_assert_int_eq(pack_wide(&list, ALLOC_SIS, &block, &size), STATUS_OK);
	alloc_get_stats(ALLOC_SIS, &with);
	ck_assert_uint_eq(with.blocks, before.blocks + 1);
	ck_assert_uint_eq(with.bytes, before.bytes + size);
	ck_assert(!alloc_free(ALLOC_CERTSRV, block));
	ck_assert(alloc_free(ALLOC_SIS, block));
	alloc_get_stats(ALLOC_SIS, &after);
	ck_assert_uint_eq(after.blocks, before.blocks);
	list_free(&list);
}
END_TEST

/* One name, of which LENGTH characters fill a list of the largest size: tag, NUL and the
 * last NUL come to it. */
static void fill(struct list *list, size_t length)
{
	char *name = malloc(length + 1);

	ck_assert_ptr_nonnull(name);
	memset(name, 'x', length);
	name[length] = '\0';
	ck_assert_int_eq(list_take(list, LIST_DATABASE, name), STATUS_OK);
}

START_TEST(a_list_of_the_largest_size_is_given)
{
	struct list list = {0};
	wchar_t *wide = NULL;
	void *utf16 = NULL;
	char *narrow = NULL;
	uint32_t size = 0;

	fill(&list, LIST_SIZE_LIMIT / sizeof(wchar_t) - 3);
	ck_assert_int_eq(pack_wide(&list, ALLOC_CERTSRV, &wide, &size), STATUS_OK);
	ck_assert_uint_eq(size, LIST_SIZE_LIMIT);
	ck_assert(alloc_free(ALLOC_CERTSRV, wide));
	list_free(&list);
	fill(&list, LIST_SIZE_LIMIT / sizeof(char16_t) - 3);
	ck_assert_int_eq(
		list_pack(&list, ALLOC_CERTSRV, TEXT_UTF16, &utf16, &size), STATUS_OK);
	ck_assert_uint_eq(size, LIST_SIZE_LIMIT);
	ck_assert(alloc_free(ALLOC_CERTSRV, utf16));
	list_free(&list);
	fill(&list, LIST_SIZE_LIMIT - 3);
	ck_assert_int_eq(
		list_pack_narrow(&list, ALLOC_CERTSRV, &narrow, &size), STATUS_OK);
	ck_assert_uint_eq(size, LIST_SIZE_LIMIT);
	ck_assert(alloc_free(ALLOC_CERTSRV, narrow));
	list_free(&list);
}
END_TEST

START_TEST(a_larger_list_is_out_of_memory)
{
	void *utf16 = NULL;
	wchar_t *wide = NULL;
	char *narrow = NULL;
	uint32_t size = 0;
	struct alloc_stats before, after;
	struct list list = {0};

	alloc_get_stats(ALLOC_CERTSRV, &before);
	fill(&list, LIST_SIZE_LIMIT / sizeof(wchar_t) - 2);
	ck_assert_int_eq(pack_wide(&list, ALLOC_CERTSRV, &wide, &size),
		STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	list_free(&list);
	fill(&list, LIST_SIZE_LIMIT / sizeof(char16_t) - 2);
	ck_assert_int_eq(list_pack(&list, ALLOC_CERTSRV, TEXT_UTF16, &utf16, &size),
		STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_ptr_null(utf16);
	list_free(&list);
	fill(&list, LIST_SIZE_LIMIT - 2);
	ck_assert_int_eq(list_pack_narrow(&list, ALLOC_CERTSRV, &narrow, &size),
		STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	list_free(&list);
	ck_assert_ptr_null(wide);
	ck_assert_ptr_null(narrow);
	ck_assert_uint_eq(size, 0);
	alloc_get_stats(ALLOC_CERTSRV, &after);
	ck_assert_uint_eq(after.blocks, before.blocks);
}
END_TEST

START_TEST(null_name_is_out_of_memory)
{
	struct list list = {0};

	ck_assert_int_eq(list_take(&list, LIST_DATABASE, NULL),
		STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_uint_eq(list.count, 0);
	list_free(&list);
}
END_TEST

START_TEST(ten_thousand_names_come_out_in_order)
{
	struct list list = {0};
	wchar_t *block = NULL;
	const wchar_t *p;
	wchar_t expected[16];
	uint32_t size = 0;
	char name[16];

	for (int i = 0; i < 10000; i++) {
		(void)snprintf(name, sizeof(name), "/%d", i);
		add(&list, LIST_DATABASE, name);
	}
	ck_assert_int_eq(pack_wide(&list, ALLOC_CERTSRV, &block, &size), STATUS_OK);
	p = block;
	for (int i = 0; i < 10000; i++) {
		(void)swprintf(expected, 16, L"D/%d", i);
		ck_assert(wcscmp(p, expected) == 0);
		p += wcslen(p) + 1;
	}
	ck_assert(*p == L'\0');
	ck_assert_uint_eq((size_t)(p + 1 - block) * sizeof(*p), size);
	ck_assert(alloc_free(ALLOC_CERTSRV, block));
	list_free(&list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("list");
	TCase *tc = tcase_create("list");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, wide_list_is_tag_name_nul_and_one_more_nul);
	tcase_add_test(tc, list_of_utf16_has_pairs_for_characters_above_ffff);
	tcase_add_test(tc, narrow_list_has_the_tag_as_one_byte);
	tcase_add_test(tc, empty_list_is_two_nuls);
	tcase_add_test(tc, bytes_that_are_not_utf8_become_low_surrogates);
	tcase_add_test(tc, block_belongs_to_the_family_asked_for);
	tcase_add_test(tc, a_list_of_the_largest_size_is_given);
	tcase_add_test(tc, a_larger_list_is_out_of_memory);
	tcase_add_test(tc, null_name_is_out_of_memory);
	tcase_add_test(tc, ten_thousand_names_come_out_in_order);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
