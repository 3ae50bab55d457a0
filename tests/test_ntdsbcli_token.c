/* Expiry tokens at DsRestorePrepare: each line of the table, in both forms. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "ds_form.h"
#include "session/token.h"

#define DAY 86400

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static void stop(void)
{
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, NULL));
}

static void accepted(const struct ds_form *form, void *token, DWORD size)
{
	HBC hbc = POISON;

	WORKS(form->restore_prepare(NULL, 0, token, size, &hbc));
	ck_assert_ptr_nonnull(hbc);
	WORKS(DsRestoreEnd(hbc));
}

static void refused(const struct ds_form *form, void *token, DWORD size, HRESULT code)
{
	HBC hbc = POISON;

	FAILS(form->restore_prepare(NULL, 0, token, size, &hbc), code);
	ck_assert_ptr_null(hbc);
}

/* A token as the store's server would have made it at TIME. */
static struct buffer made_at(int64_t when)
{
	struct server *server = store_server();
	struct buffer token = {0};

	ck_assert_int_eq(token_make(server, when, &token), STATUS_OK);
	server_free(server);
	return token;
}

START_TEST(a_backups_token_is_good_and_stays_so)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size, other_size;
	HBC hbc;
	void *token, *other = ds_token(&other_size);

	hbc = ds_begin_token(form, &token, &size);
	ds_deliver(form, hbc);
	WORKS(DsBackupEnd(hbc)); /* blocks outlive their handle */
	ck_assert_uint_eq(size, other_size);
	stop();
	accepted(form, token, size);
	accepted(form, token, size);
	accepted(form, other, other_size);
	DsBackupFree(token);
	DsBackupFree(other);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	unsigned char *token = ds_token(&size);

	stop();
	for (size_t bit = 0; bit < (size_t)size * 8; bit++) {
		token[bit / 8] ^= (unsigned char)(1u << bit % 8);
		refused(form, token, size, hrUnknownExpiryTokenFormat);
		token[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	accepted(form, token, size);
	DsBackupFree(token);
}
END_TEST

START_TEST(every_other_length_is_noticed)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	void *token = ds_token(&size);

	stop();
	for (DWORD length = 0; length < size; length++) {
		void *exact = malloc(length ? length : 1); /* for sanitizers */

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, token, length);
		refused(form, exact, length, hrUnknownExpiryTokenFormat);
		free(exact);
	}
	{
		char *longer = calloc(1, (size_t)size + 8);

		ck_assert_ptr_nonnull(longer);
		memcpy(longer, token, size);
		refused(form, longer, size + 8, hrUnknownExpiryTokenFormat);
		free(longer);
	}
	DsBackupFree(token);
}
END_TEST

START_TEST(an_unknown_version_is_told)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	char *token = ds_token(&size);
	uint8_t digest[SHA256_SIZE];

	stop();
	token[8] = 2; /* whole, but of a version to come */
	sha256_bytes(token, size - SHA256_SIZE, digest);
	memcpy(token + size - SHA256_SIZE, digest, sizeof(digest));
	refused(form, token, size, hrUnknownExpiryTokenFormat);
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "version"));
	DsBackupFree(token);
}
END_TEST

static void rename_server(const char *name, const char *alias)
{
	char *path = support_path(store->conf, STORE_NAME ".conf");
	char *text = support_read(path), *rest = strstr(text, "family");
	char changed[8192];

	ck_assert_ptr_nonnull(rest);
	(void)snprintf(changed, sizeof(changed), "[server]\nname = %s\nalias = %s\n%s",
		name, alias, rest);
	support_write(path, changed);
	free(text);
	free(path);
}

START_TEST(another_servers_token_is_refused)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	void *token = ds_token(&size);

	stop();
	rename_server("another", "other");
	refused(form, token, size, hrInvalidParam);
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "ca01"));
	rename_server("another", "Ca01"); /* the machine was rebuilt under a new name */
	accepted(form, token, size);
	rename_server("CA01", "other");
	accepted(form, token, size);
	DsBackupFree(token);
}
END_TEST

START_TEST(an_expired_token_is_refused)
{
	const struct ds_form *form = &ds_forms[_i];
	const int64_t now = (int64_t)time(NULL);
	struct buffer old = made_at(now - 181 * DAY), good = made_at(now - 179 * DAY);

	stop();
	refused(form, old.data, (DWORD)old.size, hrContentsExpired);
	accepted(form, good.data, (DWORD)good.size);
	buffer_free(&old);
	buffer_free(&good);
}
END_TEST

START_TEST(the_configured_lifetime_counts)
{
	const struct ds_form *form = &ds_forms[_i];
	const int64_t now = (int64_t)time(NULL);
	struct buffer old, good;

	store_configure(store, "tombstone_days = 2\n");
	old = made_at(now - 3 * DAY);
	good = made_at(now - 1 * DAY);
	stop();
	refused(form, old.data, (DWORD)old.size, hrContentsExpired);
	accepted(form, good.data, (DWORD)good.size);
	buffer_free(&old);
	buffer_free(&good);
}
END_TEST

/* What is wrong with the token is told first: it does not go away by stopping. */
START_TEST(a_bad_token_is_refused_while_the_service_runs)
{
	const struct ds_form *form = &ds_forms[_i];
	struct buffer old = made_at(0);
	char junk[] = "junk";

	refused(form, old.data, (DWORD)old.size, hrContentsExpired);
	refused(form, junk, sizeof(junk), hrUnknownExpiryTokenFormat);
	refused(form, junk, 0, hrUnknownExpiryTokenFormat);
	buffer_free(&old);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_token");
	TCase *tc = tcase_create("token");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_backups_token_is_good_and_stays_so, 0, DS_FORMS);
	tcase_add_loop_test(tc, every_flipped_bit_is_noticed, 0, DS_FORMS);
	tcase_add_loop_test(tc, every_other_length_is_noticed, 0, DS_FORMS);
	tcase_add_loop_test(tc, an_unknown_version_is_told, 0, DS_FORMS);
	tcase_add_loop_test(tc, another_servers_token_is_refused, 0, DS_FORMS);
	tcase_add_loop_test(tc, an_expired_token_is_refused, 0, DS_FORMS);
	tcase_add_loop_test(tc, the_configured_lifetime_counts, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, a_bad_token_is_refused_while_the_service_runs, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
