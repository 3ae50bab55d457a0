#include <stdio.h>
#include <stdlib.h>

#include "engine/flat_ca.h"
#include "support.h"

struct made {
	const char *path;
	const char *content;
};

static status read_made(void *context, size_t file, uint64_t offset, void *buffer,
	size_t size, size_t *got)
{
	const char *content = ((const struct made *)context)[file].content;
	size_t length = strlen(content);

	*got = 0;
	if (offset >= length)
		return STATUS_OK;
	*got = length - offset < size ? (size_t)(length - offset) : size;
	memcpy(buffer, content + offset, *got);
	return STATUS_OK;
}

/* FILES are sorted by path. */
static status check_made(const struct made *files, size_t count)
{
	const struct flat_ca_source source = {(void *)(uintptr_t)files, read_made};
	struct names paths = {0};
	status rc;

	for (size_t i = 0; i < count; i++) {
		ck_assert(i == 0 || strcmp(files[i - 1].path, files[i].path) < 0);
		ck_assert_int_eq(names_add(&paths, files[i].path), STATUS_OK);
	}
	status_begin();
	rc = flat_ca_check(&paths, &source);
	names_free(&paths);
	return rc;
}

#define EXPECT(code, ...)                                                                \
	do {                                                                             \
		static const struct made files[] = {__VA_ARGS__};                        \
		status rc = check_made(files, sizeof(files) / sizeof(files[0]));         \
		ck_assert_msg(                                                           \
			rc == (code), "%s: %s", status_name(rc), status_pending());      \
	} while (0)

#define RECORD(serial) "V\t301222043143Z\t\t" serial "\tunknown\t/CN=a\n"

/* Version 1, until 2021-02-03. */
#define EXPIRED                                                                          \
	"-----BEGIN CERTIFICATE-----\n"                                                  \
	"MIIBBjCBrAIBEDAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MB4XDTIwMDEw\n"             \
	"MTAwMDAwMFoXDTIxMDIwMzA0MDUwNlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqG\n"             \
	"SM49AgEGCCqGSM49AwEHA0IABAAUdx1KvbMiXqPI5gD7itJNjctqBPyMuCWD3AzU\n"             \
	"eFlrJiJGTnrFBQmbiaadad2fFgMLurcdFNMyb07dR9t+lZswCgYIKoZIzj0EAwID\n"             \
	"SQAwRgIhALpPkS8yaTV/sY+1Wd3W4Kq5whBvnJedql371Fw684bOAiEAkebQNhlS\n"             \
	"J4qO8LEAtorLdFpNQlq2d1egVmczsvX5+Xc=\n"                                         \
	"-----END CERTIFICATE-----\n"

START_TEST(a_usual_directory_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/crlnumber", "1000\n"},
		{"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/index.txt.attr", "unique_subject = no\n"},
		{"/ca/index.txt.old", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/newcerts/02.pem", "two"}, {"/ca/serial", "03\n"},
		{"/ca/serial.old", "02\n"});
}
END_TEST

START_TEST(a_new_directory_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/serial", "1000\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/serial", "00\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", ""});
}
END_TEST

START_TEST(files_of_other_kinds_are_not_looked_at)
{
	EXPECT(STATUS_OK, {"/a/serial", "not a number"}, {"/a/text", "V\tis a letter\n"},
		{"/a/x.pem", ""});
}
END_TEST

START_TEST(an_index_that_is_older_than_the_serial_file_is_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/newcerts/02.pem", "two"},
		{"/ca/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", ""},
		{"/ca/newcerts/FF.pem", "one"}, {"/ca/serial", "0100\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/certs_by_serial/0FFF.pem", "one"},
		{"/ca/index.txt", ""}, {"/ca/serial", "1000\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/out/01.pem", "one"}, {"/ca/out/02.pem", "two"},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(an_index_that_is_newer_than_the_serial_file_is_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/serial", "02\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("0A") RECORD("0B")},
		{"/ca/serial", "0a\n"});
}
END_TEST

START_TEST(files_between_two_renames_are_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/newcerts/02.pem", "two"},
		{"/ca/serial.old", "02\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt.old", RECORD("01")},
		{"/ca/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt.attr", "unique_subject = no\n"},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(damaged_files_are_refused)
{
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", "nonsense\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01") RECORD("01")});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")}, {"/ca/serial", ""});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "xyz\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "2\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "02xx\n"});
}
END_TEST

START_TEST(an_index_by_another_name_is_known_by_its_content)
{
	EXPECT(hrDatabaseCorrupted, {"/ca/database", RECORD("01") "nonsense\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/database", RECORD("01")},
		{"/ca/serial", "01\n"});
}
END_TEST

START_TEST(former_states_beside_the_index_are_not_checked)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")},
		{"/ca/index.txt.old", RECORD("01") RECORD("01") "nonsense"},
		{"/ca/serial", "02\n"}, {"/ca/serial.old", ""});
}
END_TEST

START_TEST(certificate_files_that_were_deleted_are_not_missed)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("02") RECORD("03")},
		{"/ca/newcerts/02.pem", "two"}, {"/ca/serial", "04\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(a_certificate_file_of_an_aborted_run_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/newcerts/02.pem", "never given away"}, {"/ca/serial", "02\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "random"},
		{"/ca/serial", "02\n"});
}
END_TEST

START_TEST(random_serial_numbers_are_accepted)
{
	EXPECT(STATUS_OK,
		{"/ca/index.txt",
			RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1")
				RECORD("01D1C1052E202B4265E5C95098CF1461FB2BACB1")},
		{"/ca/newcerts/01D1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "two"},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "one"},
		{"/ca/serial", "01D1C1052E202B4265E5C95098CF1461FB2BACB2\n"});
	EXPECT(STATUS_OK,
		{"/ca/index.txt", RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1")},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "one"});
}
END_TEST

START_TEST(imported_records_may_have_any_number)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("7FFF") RECORD("00")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/serial", "02\n"});
}
END_TEST

START_TEST(an_expired_certificate_may_have_been_tidied_out_of_the_index)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/newcerts/0F.pem", "old"},
		{"/ca/newcerts/10.pem", EXPIRED}, {"/ca/serial", "11\n"});
}
END_TEST

START_TEST(certificates_that_are_kept_elsewhere_say_nothing)
{
	EXPECT(STATUS_OK, {"/ca/certs/02.pem", "made by openssl x509"},
		{"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/serial", "03\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/serial", "03\n"},
		{"/other/newcerts/02.pem", "another CA's"});
}
END_TEST

START_TEST(each_of_several_directories_is_checked_by_itself)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/serial", "03\n"}, {"/ca/sub/index.txt", RECORD("02")},
		{"/ca/sub/newcerts/02.pem", "the other's"}, {"/ca/sub/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "02\n"}, {"/ca/sub/index.txt", ""},
		{"/ca/sub/newcerts/02.pem", "two"}, {"/ca/sub/serial", "03\n"});
}
END_TEST

/* FILE's only: what is listed with it in a store is not there to be compared. */
static status check_alone(const struct made *file, bool *index)
{
	const struct flat_ca_source source = {(void *)(uintptr_t)file, read_made};

	return flat_ca_check_file(file->path, &source, index);
}

START_TEST(a_file_by_itself_is_only_checked_if_it_is_an_index)
{
	static const struct made good = {"/b/database", RECORD("01")},
				 attributes = {"/a/index.txt.attr",
					 "unique_subject = yes\n"},
				 bad = {"/a/index.txt", "V\tnonsense\n"};
	bool index;

	ck_assert_int_eq(check_alone(&good, &index), STATUS_OK);
	ck_assert(index);
	ck_assert_int_eq(check_alone(&attributes, &index), STATUS_OK);
	ck_assert(!index);
	ck_assert_int_eq(check_alone(&bad, &index), hrDatabaseCorrupted);
	ck_assert(index);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flat_ca");
	TCase *made = tcase_create("made");

	tcase_add_test(made, a_usual_directory_is_accepted);
	tcase_add_test(made, a_new_directory_is_accepted);
	tcase_add_test(made, files_of_other_kinds_are_not_looked_at);
	tcase_add_test(made, an_index_that_is_older_than_the_serial_file_is_refused);
	tcase_add_test(made, an_index_that_is_newer_than_the_serial_file_is_refused);
	tcase_add_test(made, files_between_two_renames_are_refused);
	tcase_add_test(made, damaged_files_are_refused);
	tcase_add_test(made, an_index_by_another_name_is_known_by_its_content);
	tcase_add_test(made, former_states_beside_the_index_are_not_checked);
	tcase_add_test(made, certificate_files_that_were_deleted_are_not_missed);
	tcase_add_test(made, a_certificate_file_of_an_aborted_run_is_accepted);
	tcase_add_test(made, random_serial_numbers_are_accepted);
	tcase_add_test(made, imported_records_may_have_any_number);
	tcase_add_test(
		made, an_expired_certificate_may_have_been_tidied_out_of_the_index);
	tcase_add_test(made, certificates_that_are_kept_elsewhere_say_nothing);
	tcase_add_test(made, each_of_several_directories_is_checked_by_itself);
	tcase_add_test(made, a_file_by_itself_is_only_checked_if_it_is_an_index);
	suite_add_tcase(suite, made);
	return support_run(suite);
}
