#include <stdio.h>
#include <stdlib.h>

#include "engine/ca_index.h"
#include "support.h"

struct text {
	const char *data;
	size_t size;
};

static status read_text(
	void *context, uint64_t offset, void *buffer, size_t size, size_t *got)
{
	const struct text *text = context;

	*got = 0;
	if (offset >= text->size)
		return STATUS_OK;
	*got = text->size - offset < size ? (size_t)(text->size - offset) : size;
	memcpy(buffer, text->data + offset, *got);
	return STATUS_OK;
}

static status load(const char *data, size_t size, struct ca_index *index)
{
	struct text text = {data, size};

	status_begin();
	return ca_index_load("/ca/index.txt", read_text, &text, index);
}

static void expect_good(const char *data, size_t count)
{
	struct ca_index index;
	status rc = load(data, strlen(data), &index);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(index.count, count);
	ca_index_free(&index);
}

static void expect_bad_bytes(const char *data, size_t size, const char *reason)
{
	struct ca_index index;
	status rc = load(data, size, &index);

	ck_assert_msg(rc == hrDatabaseCorrupted, "%s was accepted", data);
	ck_assert_msg(strstr(status_pending(), reason) != NULL, "%s", status_pending());
	ck_assert_int_eq(strncmp(status_pending(), "/ca/index.txt: line ", 20), 0);
	ck_assert_ptr_null(index.keys);
}

static void expect_bad(const char *data, const char *reason)
{
	expect_bad_bytes(data, strlen(data), reason);
}

#define BEFORE         "V\t261222043143Z\t\t"
#define AFTER          "\tunknown\t/CN=a\n"
#define RECORD(serial) BEFORE serial AFTER

/* What is good and bad here is what openssl ca takes and refuses. */

START_TEST(records_that_openssl_writes_are_good)
{
	expect_good("", 0);
	expect_good(RECORD("01"), 1);
	expect_good(RECORD("01") RECORD("02")
			    RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1"),
		3);
	expect_good("R\t261222043143Z\t261122043517Z\t01" AFTER, 1);
	expect_good("R\t261222043143Z\t261122043517Z,superseded\t01" AFTER, 1);
	expect_good("R\t261222043143Z\t261122043517Z,holdInstruction,1.2.3\t01" AFTER, 1);
	expect_good("E\t201222043143Z\t\t01" AFTER, 1);
	expect_good("V\t20611222043143Z\t\t01" AFTER, 1);
}
END_TEST

START_TEST(records_that_are_unusual_are_good)
{
	expect_good("# a comment\tand more\n" RECORD("01"), 1);
	expect_good("# a comment without an end", 0);
	expect_good("V\t261222043143Z\t\t01\tunknown\t/CN=a\r\n", 1);
	expect_good("V\t261222043143Z\t\t01\tunknown\t/CN=a\\\tb\n", 1);
	expect_good("V\t261222043143Z\t\t01\tunknown\t/CN=\xc3\xa4\xff\n", 1);
	expect_good("V\t261222043143Z\t\t01\t\t\n", 1);
	expect_good("S\t261222043143Z\t\t01" AFTER, 1);
	expect_good(RECORD("ab"), 1);
	expect_good(RECORD("-01") RECORD("01"), 2);
	expect_good(RECORD("0000"), 1);
}
END_TEST

START_TEST(lines_that_are_no_records_are_bad)
{
	static const char nul[] = "V\t261222043143Z\t\t01\tunknown\t/CN=a\0b\n";

	expect_bad(RECORD("01") "\n", "line 2: ");
	expect_bad("nonsense\n", "line 1: ");
	expect_bad("V\t261222043143Z\t\t01\t/CN=a\n", "not six fields");
	expect_bad("V\t261222043143Z\t\t01\tunknown\t/CN=a\tx\n", "not six fields");
	expect_bad("V\t261222043143Z\t\t01\tunknown\\\t/CN=a\n", "not six fields");
	expect_bad_bytes(nul, sizeof(nul) - 1, "line 1: a NUL");
	expect_bad_bytes(
		RECORD("01") "\0\0\0\0", sizeof(RECORD("01")) + 3, "line 2: a NUL");
}
END_TEST

START_TEST(a_last_line_without_an_end_is_bad)
{
	expect_bad("V\t261222043143Z\t\t01\tunknown\t/CN=a", "line 1: the last line");
	expect_bad(RECORD("01") "V\t2612", "line 2: the last line");
	expect_bad(RECORD("01") "V", "line 2: the last line");
}
END_TEST

START_TEST(fields_that_openssl_refuses_are_bad)
{
	expect_bad("X\t261222043143Z\t\t01" AFTER, "status");
	expect_bad("VV\t261222043143Z\t\t01" AFTER, "status");
	expect_bad("\t261222043143Z\t\t01" AFTER, "status");
	expect_bad("V\t26122204314Z\t\t01" AFTER, "expiry");
	expect_bad("V\t261222043143\t\t01" AFTER, "expiry");
	expect_bad("V\t\t\t01" AFTER, "expiry");
	expect_bad("V\tgarbage\t\t01" AFTER, "expiry");
	expect_bad("V\t261222043143Z\t261122043517Z\t01" AFTER, "not R");
	expect_bad("R\t261222043143Z\t\t01" AFTER, "revocation");
	expect_bad("R\t261222043143Z\tsuperseded\t01" AFTER, "revocation");
	expect_bad("R\t261222043143Z\t261122043517Zx\t01" AFTER, "revocation");
	expect_bad(RECORD("1"), "serial");
	expect_bad(RECORD("0G"), "serial");
	expect_bad(RECORD(""), "serial");
	expect_bad(RECORD("-"), "serial");
}
END_TEST

START_TEST(a_serial_number_that_is_there_twice_is_named_with_both_lines)
{
	expect_bad(RECORD("01") RECORD("02") RECORD("01"),
		"line 3: serial number 01 is already in line 1");
	expect_bad(RECORD("01") RECORD("0001"), "line 2");
	expect_bad(RECORD("AB") RECORD("ab"), "line 2");
	expect_bad(RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1")
			   RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1"),
		"line 2");
}
END_TEST

START_TEST(lines_may_be_of_any_length_but_not_serial_numbers)
{
	size_t size = 300000;
	char *data = malloc(size);
	struct ca_index index;

	ck_assert_ptr_nonnull(data);
	memset(data, 'x', size);
	memcpy(data, "V\t261222043143Z\t\t01\tunknown\t/CN=", 32);
	data[size - 1] = '\n';
	ck_assert_int_eq(load(data, size, &index), STATUS_OK);
	ca_index_free(&index);
	memcpy(data, "V\t261222043143Z\t\t01111111", 25);
	memset(data + 25, '1', size - 25);
	expect_bad_bytes(data, size, "too long");
	free(data);
}
END_TEST

START_TEST(serial_numbers_are_found_whatever_their_zeros_and_case)
{
	struct ca_index index;
	const char data[] =
		RECORD("01") RECORD("0A") RECORD("0123456789ABCDEF0123456789ABCDEF");

	ck_assert_int_eq(load(data, strlen(data), &index), STATUS_OK);
	ck_assert(ca_index_contains(&index, "01"));
	ck_assert(ca_index_contains(&index, "1"));
	ck_assert(ca_index_contains(&index, "00000000000000000000000000000001"));
	ck_assert(ca_index_contains(&index, "0a"));
	ck_assert(ca_index_contains(&index, "123456789abcdef0123456789abcdef"));
	ck_assert(!ca_index_contains(&index, "00"));
	ck_assert(!ca_index_contains(&index, "02"));
	ck_assert(!ca_index_contains(&index, "-01"));
	ck_assert(!ca_index_contains(&index, "0123456789ABCDEF0123456789ABCDEE"));
	ca_index_free(&index);
	ck_assert(!ca_index_contains(&index, "01"));
}
END_TEST

START_TEST(an_index_of_many_records_is_read)
{
	const unsigned count = 20000;
	size_t size = 0, capacity = count * 64;
	char *data = malloc(capacity);
	struct ca_index index;

	ck_assert_ptr_nonnull(data);
	for (unsigned i = 0; i < count; i++)
		size += (size_t)snprintf(
			data + size, capacity - size, BEFORE "%08X" AFTER, i * 7919u);
	ck_assert_int_eq(load(data, size, &index), STATUS_OK);
	ck_assert_uint_eq(index.count, count);
	for (unsigned i = 0; i < count; i++) {
		char serial[16];

		(void)snprintf(serial, sizeof(serial), "%08X", i * 7919u);
		ck_assert(ca_index_contains(&index, serial));
		(void)snprintf(serial, sizeof(serial), "%08X", i * 7919u + 1);
		ck_assert(!ca_index_contains(&index, serial));
	}
	ca_index_free(&index);
	free(data);
}
END_TEST

static status read_failing(
	void *context, uint64_t offset, void *buffer, size_t size, size_t *got)
{
	(void)context;
	(void)offset;
	(void)buffer;
	(void)size;
	*got = 0;
	return status_fail(STATUS_WIN32(ERROR_IO_DEVICE), "/ca/index.txt: no");
}

START_TEST(a_read_that_fails_fails_the_load)
{
	struct ca_index index;

	ck_assert_int_eq(ca_index_load("/ca/index.txt", read_failing, NULL, &index),
		STATUS_WIN32(ERROR_IO_DEVICE));
	ck_assert_ptr_null(index.keys);
}
END_TEST

START_TEST(an_index_is_known_by_its_beginning)
{
	ck_assert(ca_index_begins("V\t261222043143Z\t\t01", 19));
	ck_assert(ca_index_begins("R\t20611222043143Z\t2", 19));
	ck_assert(!ca_index_begins("V\t261222043143Z", 15));
	ck_assert(!ca_index_begins("V\tgarbage\t\t01", 13));
	ck_assert(!ca_index_begins("03\n", 3));
	ck_assert(!ca_index_begins("", 0));
	ck_assert(!ca_index_begins("\0\t261222043143Z\t", 16));
	ck_assert(!ca_index_begins("Version: 3", 10));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ca_index");
	TCase *tc = tcase_create("index");

	tcase_add_test(tc, records_that_openssl_writes_are_good);
	tcase_add_test(tc, records_that_are_unusual_are_good);
	tcase_add_test(tc, lines_that_are_no_records_are_bad);
	tcase_add_test(tc, a_last_line_without_an_end_is_bad);
	tcase_add_test(tc, fields_that_openssl_refuses_are_bad);
	tcase_add_test(tc, a_serial_number_that_is_there_twice_is_named_with_both_lines);
	tcase_add_test(tc, lines_may_be_of_any_length_but_not_serial_numbers);
	tcase_add_test(tc, serial_numbers_are_found_whatever_their_zeros_and_case);
	tcase_add_test(tc, an_index_of_many_records_is_read);
	tcase_add_test(tc, a_read_that_fails_fails_the_load);
	tcase_add_test(tc, an_index_is_known_by_its_beginning);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
