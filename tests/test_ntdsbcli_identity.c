/* DsSetAuthIdentity: what it keeps, what it never shows. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/credentials.h"
#include "ds_form.h"
#include "sanitized.h"

#define INVALID WIN32(ERROR_INVALID_PARAMETER)

static struct store *store;
static char *trace_file;
static int real_stderr;

/* Everything that the library traces goes to a file of the test. */
static void setup(void)
{
	int fd;

	store = store_make(STORE_FLAT, NULL);
	trace_file = support_path(store->dir, "trace");
	fd = open(trace_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	real_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(real_stderr, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void teardown(void)
{
	ck_assert_int_ge(dup2(real_stderr, STDERR_FILENO), 0);
	ck_assert_int_eq(close(real_stderr), 0);
	WORKS(DsSetAuthIdentityA(NULL, NULL, NULL));
	free(trace_file);
	store_free(store);
}

static void expect(const char *user, const char *domain, const char *password)
{
	struct credentials copy;
	bool kept = false;

	ck_assert_int_eq(credentials_get(&copy, &kept), STATUS_OK);
	ck_assert(kept);
	ck_assert_str_eq(copy.user, user);
	ck_assert_str_eq(copy.domain, domain);
	ck_assert_str_eq(copy.password, password);
	credentials_wipe(&copy);
}

static void expect_none(void)
{
	struct credentials copy;
	bool kept = true;

	ck_assert_int_eq(credentials_get(&copy, &kept), STATUS_OK);
	ck_assert(!kept);
}

START_TEST(the_last_identity_is_kept)
{
	const struct ds_form *form = &ds_forms[_i];

	expect_none();
	WORKS(form->set_identity("user", "domain", "password"));
	expect("user", "domain", "password");
	WORKS(form->set_identity("\xc3\xa4\xf0\x9f\x94\x91", "", "\xe2\x82\xac"));
	expect("\xc3\xa4\xf0\x9f\x94\x91", "", "\xe2\x82\xac");
}
END_TEST

START_TEST(domain_and_password_may_be_left_out)
{
	const struct ds_form *form = &ds_forms[_i];

	WORKS(form->set_identity("user", NULL, "password"));
	expect("user", "", "password");
	WORKS(form->set_identity("user", "domain", NULL));
	expect("user", "domain", "");
	WORKS(form->set_identity("user", NULL, NULL));
	expect("user", "", "");
}
END_TEST

START_TEST(all_null_goes_back_to_the_process)
{
	const struct ds_form *form = &ds_forms[_i];

	WORKS(form->set_identity("user", "domain", "password"));
	WORKS(form->set_identity(NULL, NULL, NULL));
	expect_none();
	WORKS(form->set_identity(NULL, NULL, NULL));
	expect_none();
}
END_TEST

START_TEST(a_refused_identity_leaves_the_former_one)
{
	static const WCHAR bad[] = {L'x', 0x110000, 0};
	const struct ds_form *form = &ds_forms[_i];
	const HRESULT code = WIN32(ERROR_NO_UNICODE_TRANSLATION);

	WORKS(form->set_identity("user", "domain", "password"));
	FAILS(form->set_identity(NULL, "domain", "other"), INVALID);
	FAILS(form->set_identity(NULL, NULL, "other"), INVALID);
	FAILS(form->set_identity(NULL, "domain", NULL), INVALID);
	FAILS(form->set_identity("", "domain", "other"), INVALID);
	FAILS(form->set_identity("", NULL, NULL), INVALID);
	FAILS(DsSetAuthIdentityW(bad, L"d", L"p"), code);
	FAILS(DsSetAuthIdentityW(L"u", bad, L"p"), code);
	FAILS(DsSetAuthIdentityW(L"u", L"d", bad), code);
	expect("user", "domain", "password");
}
END_TEST

START_TEST(local_stores_need_no_identity_and_heed_none)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc;

	WORKS(form->set_identity("nobody-at-all", "nowhere", "wrong"));
	hbc = ds_begin(form);
	ds_deliver(form, hbc);
	WORKS(DsBackupEnd(hbc));
	expect("nobody-at-all", "nowhere", "wrong");
}
END_TEST

/* ---- what is never shown ---- */

START_TEST(nothing_of_it_is_traced_or_explained)
{
	static const WCHAR bad[] = {'S', 'E', 'C', 'R', 'E', 'T', 0x110000, 0};
	const struct ds_form *form = &ds_forms[_i];
	char *text;

	WORKS(form->set_identity("SECRET-user", "SECRET-domain", "SECRET-password"));
	WORKS(DsBackupEnd(ds_begin(form)));
	FAILS(form->set_identity(NULL, "SECRET-domain", "SECRET-password"), INVALID);
	ck_assert_ptr_null(strstr(backupapi_error_detail(), "SECRET"));
	FAILS(form->set_identity("", "SECRET-domain", "SECRET-password"), INVALID);
	ck_assert_ptr_null(strstr(backupapi_error_detail(), "SECRET"));
	FAILS(DsSetAuthIdentityW(L"SECRET", L"SECRET", bad),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
	ck_assert_ptr_null(strstr(backupapi_error_detail(), "SECRET"));
	WORKS(form->set_identity(NULL, NULL, NULL));
	text = support_read(trace_file);
	ck_assert_ptr_nonnull(strstr(text, "backup begun")); /* tracing is on */
	ck_assert_ptr_null(strstr(text, "SECRET"));
	free(text);
}
END_TEST

#define PASSWORD_SIZE 32

/* Made when it is needed: this program holds no copy of it. */
static void make_password(char password[PASSWORD_SIZE])
{
	uint32_t state = 12345;

	for (int i = 0; i < PASSWORD_SIZE - 1; i++) {
		state = state * 1664525 + 1013904223;
		password[i] = (char)('a' + (state >> 16) % 26);
	}
	password[PASSWORD_SIZE - 1] = '\0';
}

static size_t find(const char *bytes, size_t size, const char *what, size_t length)
{
	size_t count = 0;

	for (const char *p = bytes;
		(p = memmem(p, size - (size_t)(p - bytes), what, length)) != NULL; p++)
		count++;
	return count;
}

/* How often WHAT is in the memory that this process may write to, but for the stack,
 * where registers are saved and soon forgotten. Pieces overlap by its length. */
static size_t count_in_memory(const char *what, size_t length)
{
	static char piece[1 << 20];
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long begin, end;
	size_t count = 0;
	char access[8], line[4096];

	ck_assert_ptr_nonnull(maps);
	ck_assert_int_ge(memory, 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &begin, &end, access) != 3 ||
			strncmp(access, "rw", 2) != 0 || strstr(line, "[stack]"))
			continue;
		for (unsigned long at = begin; at < end; at += sizeof(piece) - length) {
			size_t want = end - at < sizeof(piece) ? end - at : sizeof(piece);
			ssize_t got = pread(memory, piece, want, (off_t)at);

			if (got <= 0)
				break;
			if (at > (unsigned long)(uintptr_t)piece + sizeof(piece) ||
				at + (size_t)got < (unsigned long)(uintptr_t)piece)
				count += find(piece, (size_t)got, what, length);
		}
	}
	explicit_bzero(piece, sizeof(piece));
	ck_assert_int_eq(fclose(maps), 0);
	ck_assert_int_eq(close(memory), 0);
	return count;
}

/* The end of it alone is looked for: malloc writes over the beginning of what is freed. */
static size_t count_copies(const char password[PASSWORD_SIZE])
{
	return count_in_memory(password + 16, PASSWORD_SIZE - 1 - 16);
}

START_TEST(no_copy_stays_in_memory)
{
	const struct ds_form *form = &ds_forms[_i];
	char password[PASSWORD_SIZE];
	size_t before, kept, after;

	if (SANITIZED) /* whose memory is terabytes of shadows */
		return;
	make_password(password);
	before = count_copies(password);
	WORKS(form->set_identity("user", "domain", password));
	kept = count_copies(password);
	WORKS(form->set_identity(NULL, NULL, NULL));
	after = count_copies(password);
	explicit_bzero(password, sizeof(password));
	ck_assert_uint_gt(kept, before);
	ck_assert_uint_le(after, before);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_identity");
	TCase *tc = tcase_create("identity");

	if (setenv("BACKUPAPI_LOG", "debug", 1) != 0)
		return 1;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, the_last_identity_is_kept, 0, DS_FORMS);
	tcase_add_loop_test(tc, domain_and_password_may_be_left_out, 0, DS_FORMS);
	tcase_add_loop_test(tc, all_null_goes_back_to_the_process, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_refused_identity_leaves_the_former_one, 0, DS_FORMS);
	tcase_add_loop_test(tc, local_stores_need_no_identity_and_heed_none, 0, DS_FORMS);
	tcase_add_loop_test(tc, nothing_of_it_is_traced_or_explained, 0, DS_FORMS);
	tcase_add_loop_test(tc, no_copy_stays_in_memory, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
