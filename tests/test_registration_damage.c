/*
 * test_registration_damage.c - registered restores: strict, hostile ones refused
 */
#include "server/registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registration_fixture.h"

/* ---- damage ---- */

static void assert_damage_is_seen(const char *path)
{
	char *text = support_read(path);
	size_t size = strlen(text);

	for (size_t i = 0; i < size * 8; i++) {
		FILE *f = fopen(path, "r+e");

		ck_assert_ptr_nonnull(f);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		ck_assert_uint_eq(fwrite(text, 1, size, f), size);
		ck_assert_int_eq(fclose(f), 0);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		assert_load_fails(DAMAGED, path);
	}
	while (size-- > 0) {
		ck_assert_int_eq(truncate(path, (off_t)size), 0);
		assert_load_fails(DAMAGED, path);
	}
	free(text);
}

START_TEST(damage_anywhere_in_state_dir_is_seen)
{
	struct registration *r = sample();

	save(r);
	registration_free(r);
	assert_damage_is_seen(in_state);
}
END_TEST

START_TEST(damage_anywhere_in_the_store_is_seen)
{
	struct registration *r = sample();

	r->in_store = true;
	save(r);
	registration_free(r);
	assert_damage_is_seen(in_store);
}
END_TEST

START_TEST(two_registrations_are_not_chosen_from)
{
	struct registration *r = sample();

	save(r);
	r->in_store = true;
	save(r);
	assert_load_fails(DAMAGED, in_state);
	ck_assert_ptr_nonnull(strstr(status_pending(), in_store));
	registration_free(r);
}
END_TEST

START_TEST(the_registration_of_another_server_is_refused)
{
	struct registration *r = sample();

	save(r);
	memcpy(server_name, "CA01", 4);
	registration_free(r);
	r = load();
	ck_assert_ptr_nonnull(r);
	registration_free(r);
	memcpy(server_name, "ca02", 4);
	assert_load_fails(DAMAGED, "another server");
}
END_TEST

/* ---- hostile files in the store ---- */

static const char *const forgeries[] = {
	"",
	"server = ca01\nfamily = 3\ntime = 5\nstate = open\nfailure = 0\n",
	"server = ca01\nfamily = 0\ntime = 5\nstate = open\nfailure = 0\n",
	"server = ca01\nfamily = 1\ntime = 5\nstate = Open\nfailure = 0\n",
	"server = ca01\nfamily = 1\ntime = 5\nstate = open\nfailure = 4294967295\n",
	"server = ca01\nfamily = 1\ntime = x\nstate = open\nfailure = 0\n",
	HEAD "old = /a\n",
	HEAD "new = /a\n",
	HEAD "old = /a\nold = /b\nnew = /c\n",
	HEAD "old = /a\nnew = b\n",
	HEAD "old = a\nnew = /b\n",
	HEAD "old = /a\nnew = \n",
	HEAD "old = /a\nnew = /b/../c\n",
	HEAD "old = /a\nnew = /..\n",
	HEAD "old = /a\nnew = /b/./c\n",
	HEAD "old = /a\nnew = /b//c\n",
	HEAD "old = /a\nnew = /b/\n",
	HEAD "old = /a\nnew = /b%00c\n",
	HEAD "old = /a\nnew = /b%2\n",
	HEAD "old = /a/%2e%2e/b\nnew = /b\n",
	HEAD "low = 2\nhigh = 1\n",
	HEAD "low = 1\n",
	HEAD "high = 1\n",
	HEAD "low = 1\nhigh = 4294967296\n",
	HEAD "low = -1\nhigh = 1\n",
	HEAD "low = 1\nhigh = 1\nbackup_log_path = x\n",
	HEAD "low = 1\nhigh = 1\nbackup_log_path = /x/..\n",
	HEAD "low = 1\nhigh = 1\nold = /a\nnew = /b\n",
	HEAD "log_path = x\n",
	HEAD "log_path = /x\nlog_path = /y\n",
	HEAD "log_path = /x\ncheckpoint_path = /y\n",
	HEAD "checkpoint_path = ../x\n",
	HEAD "replaced = x\n",
	HEAD "replaced = \n",
	HEAD "replaced = ..\n",
	HEAD "replaced = replaced-/../..\n",
	HEAD "replaced = replaced-%2f\n",
	HEAD "replaced = /replaced-1\n",
	HEAD "engine = bdb\n",
	HEAD "engine = bdb\nreplay_low = 2\nreplay_high = 1\nreplaying = 0\n",
	HEAD "engine = bdb\nreplay_low = 1\nreplay_high = 2\nreplaying = 2\n",
	HEAD "replay_low = 1\n",
	HEAD "placed = /a\n",
	CHOICE "placed = a\n",
	CHOICE "placed = /a/../b\n",
	CHOICE "kept = /a/\n",
	CHOICE "kept = /a\nplaced = /b\n",
	CHOICE "log_path = /x\n",
	HEAD "maker = 0\n",
	HEAD "\n",
	HEAD " \n",
};

START_TEST(forged_content_is_refused)
{
	write_forged(in_store, forgeries[_i]);
	assert_load_fails(DAMAGED, in_store);
	ck_assert_int_eq(unlink(in_store), 0);
	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	write_forged(in_state, forgeries[_i]);
	assert_load_fails(DAMAGED, in_state);
}
END_TEST

START_TEST(a_well_formed_foreign_registration_is_loaded)
{
	struct registration *r;

	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	make_replaced("replaced-1", geteuid());
	write_forged(in_store, HEAD "replaced = replaced-1\nold = /a\nnew = /b\n"
				    "low = 1\nhigh = 2\n");
	r = load();
	ck_assert_ptr_nonnull(r);
	ck_assert(r->in_store);
	ck_assert_str_eq(r->replaced, "replaced-1");
	ck_assert_uint_eq(r->target_count, 1);
	ck_assert_uint_eq(r->log_count, 1);
	registration_free(r);
}
END_TEST

START_TEST(what_is_no_private_regular_file_is_refused)
{
	char *other = support_path(store, "other");
	static const mode_t modes[] = {0620, 0602, 0666};

	write_forged(in_store, HEAD);
	ck_assert_int_eq(link(in_store, other), 0);
	assert_load_fails(DAMAGED, in_store);
	ck_assert_int_eq(unlink(other), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(in_store, modes[i]), 0);
		assert_load_fails(DAMAGED, in_store);
	}
	ck_assert_int_eq(chmod(in_store, 0644), 0);
	registration_free(load());
	ck_assert_int_eq(rename(in_store, other), 0);
	ck_assert_int_eq(symlink(other, in_store), 0);
	assert_load_fails(DENIED, in_store);
	ck_assert_int_eq(unlink(in_store), 0);
	ck_assert_int_eq(symlink("/nonexistent", in_store), 0);
	assert_load_fails(DENIED, in_store);
	ck_assert_int_eq(unlink(in_store), 0);
	ck_assert_int_eq(mkfifo(in_store, 0600), 0);
	assert_load_fails(DAMAGED, in_store);
	ck_assert_int_eq(unlink(in_store), 0);
	ck_assert_int_eq(mkdir(in_store, 0700), 0);
	assert_load_fails(DAMAGED, in_store);
	free(other);
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
	write_forged(in_store, HEAD);
	ck_assert_int_eq(truncate(in_store, (off_t)1 << 36), 0);
	assert_load_fails(DAMAGED, in_store);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("registration_damage");
	TCase *t = tcase_create("registration_damage");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 100);
	tcase_add_test(t, damage_anywhere_in_state_dir_is_seen);
	tcase_add_test(t, damage_anywhere_in_the_store_is_seen);
	tcase_add_test(t, two_registrations_are_not_chosen_from);
	tcase_add_test(t, the_registration_of_another_server_is_refused);
	tcase_add_loop_test(t, forged_content_is_refused, 0,
		(int)(sizeof(forgeries) / sizeof(forgeries[0])));
	tcase_add_test(t, a_well_formed_foreign_registration_is_loaded);
	tcase_add_test(t, what_is_no_private_regular_file_is_refused);
	tcase_add_test(t, a_huge_file_is_refused);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
