/*
 * test_registration.c - registered restores: durable, and whose they are
 */
#include "server/registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "registration_fixture.h"

/* ---- round trips ---- */

START_TEST(nothing_is_pending_at_first)
{
	assert_none();
	ck_assert(!support_exists(server.state_dir));
	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	assert_none();
	ck_assert_int_eq(rmdir(store), 0);
	assert_none();
}
END_TEST

START_TEST(what_was_saved_is_loaded)
{
	struct registration *r = sample();
	struct stat st;

	assert_round_trip(r);
	ck_assert_int_eq(stat(in_state, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(!support_exists(in_store));
	registration_free(r);
}
END_TEST

START_TEST(every_state_and_the_barest_registration_are_kept)
{
	static const enum registration_state states[] = {
		REGISTRATION_OPEN, REGISTRATION_COMPLETE, REGISTRATION_FAILED};

	for (size_t i = 0; i < 3; i++) {
		struct registration *r = registration_new();

		ck_assert_ptr_nonnull(r);
		r->family = FAMILY_CERTSRV;
		r->state = states[i];
		r->failure = INT32_MIN;
		assert_round_trip(r);
		registration_free(r);
	}
}
END_TEST

START_TEST(paths_with_every_kind_of_bytes_survive)
{
	struct registration *r = sample();
	char path[3] = "/x";

	for (int c = 1; c < 256; c++) {
		path[1] = (char)c;
		if (c != '/' && c != '.')
			add_target(r, path, "/y");
	}
	add_target(r, "/new\nline = \n/%25%/=\xff\xfe", "/ trailing blank ");
	add_target(r, "/\xed\xb2\x80\xc3\xbc\xc3", "/\xf0\x9f\x92\xbe\r");
	assert_round_trip(r);
	registration_free(r);
}
END_TEST

START_TEST(a_hundred_thousand_targets_take_linear_time)
{
	struct registration *r = sample();
	const int count = support_under_valgrind() ? 12000 : 120000;
	struct timespec before, after;
	char path[64];

	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "/srv/ca/newcerts/%08X.pem", i);
		add_target(r, path, path);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_round_trip(r);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 20);
	registration_free(r);
}
END_TEST

START_TEST(saving_again_replaces_and_removing_ends)
{
	struct registration *r = sample();

	assert_round_trip(r);
	r->state = REGISTRATION_COMPLETE;
	add_target(r, "/c", "/d");
	assert_round_trip(r);
	ck_assert_int_eq(registration_remove(&server, r), STATUS_OK);
	assert_none();
	ck_assert_int_eq(registration_remove(&server, r), STATUS_OK);
	r->in_store = true;
	make_replaced("replaced-2022", geteuid());
	make_replaced("replaced-2023", geteuid());
	make_replaced("replaced-2024", geteuid());
	assert_round_trip(r);
	ck_assert(!support_exists(in_state));
	ck_assert_int_eq(registration_remove(&server, r), STATUS_OK);
	assert_none();
	registration_free(r);
}
END_TEST

START_TEST(what_could_not_be_loaded_is_not_saved)
{
	struct registration *r = sample();

	r->logs[0].low = 4;
	r->logs[0].high = 3;
	ck_assert_int_eq(registration_save(&server, r), BAD);
	registration_free(r);
	r = sample();
	add_target(r, "/a", "relative");
	ck_assert_int_eq(registration_save(&server, r), BAD);
	registration_free(r);
	r = sample();
	r->family = FAMILY_ANY;
	ck_assert_int_eq(registration_save(&server, r), BAD);
	r->family = FAMILY_DS;
	r->state = (enum registration_state)7;
	ck_assert_int_eq(registration_save(&server, r), BAD);
	registration_free(r);
	assert_none();
}
END_TEST

START_TEST(NULL_may_be_freed)
{
	registration_free(NULL);
}
END_TEST

/* ---- whose it is ---- */

#define USER  12345
#define GROUP 23456

START_TEST(the_maker_is_the_owner_of_the_file)
{
	struct registration *r;

	if (geteuid() != 0)
		return; /* cannot give a file away */
	write_forged(in_store, HEAD);
	ck_assert_int_eq(chown(in_store, USER, GROUP), 0);
	r = load();
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->maker, USER);
	ck_assert_uint_eq(r->maker_group, GROUP);
	registration_free(r);
}
END_TEST

/* Else root's recovery would turn a user's registration into root's own. */
START_TEST(root_changes_a_users_registration_as_that_user)
{
	struct registration *r;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_int_eq(chown(store, USER, GROUP), 0);
	write_forged(in_store, HEAD);
	ck_assert_int_eq(chown(in_store, USER, GROUP), 0);
	r = load();
	r->state = REGISTRATION_COMPLETE;
	save(r);
	registration_free(r);
	r = load();
	ck_assert_int_eq((int)r->state, (int)REGISTRATION_COMPLETE);
	ck_assert_uint_eq(r->maker, USER);
	ck_assert_uint_eq(r->maker_group, GROUP);

	ck_assert_int_eq(chown(store, 0, 0), 0);
	ck_assert_int_eq(chmod(store, 0755), 0);
	ck_assert_int_eq(registration_save(&server, r), DENIED);
	ck_assert_int_eq(registration_remove(&server, r), DENIED);
	assert_pending(true);
	ck_assert_int_eq(chown(store, USER, GROUP), 0);
	ck_assert_int_eq(registration_remove(&server, r), STATUS_OK);
	registration_free(r);
	assert_none();
}
END_TEST

/* Runs WHAT as an ordinary user; its assertions end the child with a failure. */
static void as_user(void (*what)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgid(GROUP) != 0 || setuid(USER) != 0)
			_exit(2);
		what();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert_int_eq(wait_status, 0);
}

static void register_in_store(void)
{
	struct registration *r = sample();
	bool pending = true;

	if (registration_pending(&server, &pending) != STATUS_OK || pending)
		_exit(3);
	r->in_store = false;
	if (registration_save(&server, r) != DENIED)
		_exit(4);
	r->in_store = true;
	if (registration_save(&server, r) != STATUS_OK)
		_exit(5);
	registration_free(r);
	if (registration_load(&server, &r) != STATUS_OK || !r || !r->in_store)
		_exit(6);
	registration_free(r);
}

START_TEST(a_user_without_rights_on_state_dir_registers_in_the_store)
{
	struct registration *r;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	ck_assert_int_eq(chmod(dir, 0711), 0);
	ck_assert_int_eq(chown(store, USER, GROUP), 0);
	as_user(register_in_store);
	r = load();
	ck_assert_ptr_nonnull(r);
	ck_assert(r->in_store);
	ck_assert_uint_eq(r->maker, USER);
	registration_free(r);
}
END_TEST

/* A state_dir with the wrong mode may still hold a registration. */
START_TEST(a_state_dir_that_is_not_trusted_is_not_passed_over)
{
	struct registration *r = sample();
	bool pending;

	save(r);
	registration_free(r);
	ck_assert_int_eq(chmod(server.state_dir, 0750), 0);
	ck_assert_int_eq(registration_load(&server, &r), DENIED);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(registration_pending(&server, &pending), DENIED);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("registration");
	TCase *t = tcase_create("registration");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 100);
	tcase_add_test(t, nothing_is_pending_at_first);
	tcase_add_test(t, what_was_saved_is_loaded);
	tcase_add_test(t, every_state_and_the_barest_registration_are_kept);
	tcase_add_test(t, paths_with_every_kind_of_bytes_survive);
	tcase_add_test(t, a_hundred_thousand_targets_take_linear_time);
	tcase_add_test(t, saving_again_replaces_and_removing_ends);
	tcase_add_test(t, what_could_not_be_loaded_is_not_saved);
	tcase_add_test(t, NULL_may_be_freed);
	tcase_add_test(t, the_maker_is_the_owner_of_the_file);
	tcase_add_test(t, root_changes_a_users_registration_as_that_user);
	tcase_add_test(t, a_user_without_rights_on_state_dir_registers_in_the_store);
	tcase_add_test(t, a_state_dir_that_is_not_trusted_is_not_passed_over);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
