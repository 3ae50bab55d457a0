/*
 * test_registration.c - registered restores: durable, strict, hostile ones refused
 */
#include "server/registration.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "support.h"

#define DAMAGED STATUS_WIN32(ERROR_INVALID_DATA)
#define DENIED  STATUS_WIN32(ERROR_ACCESS_DENIED)
#define BAD     STATUS_WIN32(ERROR_INVALID_PARAMETER)

static struct server server;
static char server_name[] = "ca01", engine[] = "flat";
static char *dir, *store, *in_state, *in_store;

static void set_up(void)
{
	dir = support_tmpdir();
	store = support_path(dir, "store");
	ck_assert_int_eq(mkdir(store, 0700), 0);
	memcpy(server_name, "ca01", 4);
	server = (struct server){.name = server_name, .store.engine = engine};
	server.state_dir = support_path(dir, "state");
	ck_assert_int_eq(names_take(&server.store.databases, support_path(store, "db")),
		STATUS_OK);
	in_state = support_path(server.state_dir, "registration");
	in_store = support_path(store, ".backupapi-registration");
}

static void tear_down(void)
{
	names_free(&server.store.databases);
	free(server.state_dir);
	free(in_state);
	free(in_store);
	free(store);
}

static void add_target(struct registration *r, const char *old_path, const char *new_path)
{
	ck_assert_int_eq(registration_add_target(r, old_path, new_path), STATUS_OK);
}

static void add_logs(
	struct registration *r, const char *path, uint32_t low, uint32_t high)
{
	ck_assert_int_eq(registration_add_logs(r, path, low, high), STATUS_OK);
}

static struct registration *sample(void)
{
	struct registration *r = registration_new();

	ck_assert_ptr_nonnull(r);
	r->family = FAMILY_DS;
	r->time = 1700000000123456789;
	r->state = REGISTRATION_FAILED;
	r->failure = -5;
	r->checkpoint_path = strdup("/check point");
	r->log_path = strdup("/logs");
	r->replaced = strdup("replaced-2024");
	add_target(r, "/a", "/b");
	add_target(r, "/same", "/same");
	add_logs(r, "/backup/logs", 3, UINT32_MAX);
	add_logs(r, NULL, 0, 0);
	add_logs(r, "/", 7, 7);
	return r;
}

static void save(const struct registration *r)
{
	status rc = registration_save(&server, r);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
}

static struct registration *load(void)
{
	struct registration *r = NULL;
	status rc = registration_load(&server, &r);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	return r;
}

/* What recovery makes for OWNER. */
static void make_replaced(const char *name, uid_t owner)
{
	char *path = support_path(server.state_dir, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chown(path, owner, (gid_t)-1), 0);
	free(path);
}

static void assert_pending(bool expected)
{
	bool pending = !expected;

	ck_assert_int_eq(registration_pending(&server, &pending), STATUS_OK);
	ck_assert_int_eq(pending, expected);
}

static void assert_none(void)
{
	assert_pending(false);
	ck_assert_ptr_null(load());
}

static void assert_load_fails(status expected, const char *detail)
{
	struct registration *r = (struct registration *)&r;
	status rc = registration_load(&server, &r);

	ck_assert_msg(rc == expected, "%08x: %s", (unsigned)rc, status_pending());
	ck_assert_ptr_null(r);
	ck_assert_msg(strstr(status_pending(), detail) != NULL, "%s", status_pending());
	assert_pending(true);
}

static void assert_text_equal(const char *a, const char *b)
{
	ck_assert_pstr_eq(a, b);
}

static void assert_equal(const struct registration *a, const struct registration *b)
{
	ck_assert_uint_eq(a->family, b->family);
	ck_assert_int_eq(a->time, b->time);
	ck_assert_int_eq(a->in_store, b->in_store);
	ck_assert_int_eq((int)a->state, (int)b->state);
	ck_assert_int_eq(a->failure, b->failure);
	assert_text_equal(a->checkpoint_path, b->checkpoint_path);
	assert_text_equal(a->log_path, b->log_path);
	assert_text_equal(a->replaced, b->replaced);
	ck_assert_uint_eq(a->target_count, b->target_count);
	for (size_t i = 0; i < a->target_count; i++) {
		assert_text_equal(a->targets[i].old_path, b->targets[i].old_path);
		assert_text_equal(a->targets[i].new_path, b->targets[i].new_path);
	}
	ck_assert_uint_eq(a->log_count, b->log_count);
	for (size_t i = 0; i < a->log_count; i++) {
		assert_text_equal(a->logs[i].backup_log_path, b->logs[i].backup_log_path);
		ck_assert_uint_eq(a->logs[i].low, b->logs[i].low);
		ck_assert_uint_eq(a->logs[i].high, b->logs[i].high);
	}
}

/* What is loaded back is R, and of this user. */
static void assert_round_trip(const struct registration *r)
{
	struct registration *found;

	save(r);
	assert_pending(true);
	found = load();
	ck_assert_ptr_nonnull(found);
	assert_equal(found, r);
	ck_assert_uint_eq(found->maker, geteuid());
	registration_free(found);
}

/* BODY behind the format line, sealed with the right checksum. */
static void write_forged(const char *path, const char *body)
{
	char *text;
	FILE *f;

	ck_assert_int_ge(asprintf(&text, "format = registration 1\n%s", body), 0);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fprintf(f, "%schecksum = %016" PRIx64 "\n", text,
				 hash_bytes(text, strlen(text))),
		0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	free(text);
}

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
	struct timespec before, after;
	char path[64];

	for (int i = 0; i < 120000; i++) {
		(void)snprintf(path, sizeof(path), "/srv/ca/newcerts/%08X.pem", i);
		add_target(r, path, path);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	assert_round_trip(r);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
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

#define HEAD "server = ca01\nfamily = 1\ntime = 5\nstate = open\nfailure = 0\n"

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
	tcase_add_test(t, damage_anywhere_in_state_dir_is_seen);
	tcase_add_test(t, damage_anywhere_in_the_store_is_seen);
	tcase_add_test(t, two_registrations_are_not_chosen_from);
	tcase_add_test(t, the_registration_of_another_server_is_refused);
	tcase_add_loop_test(t, forged_content_is_refused, 0,
		(int)(sizeof(forgeries) / sizeof(forgeries[0])));
	tcase_add_test(t, a_well_formed_foreign_registration_is_loaded);
	tcase_add_test(t, what_is_no_private_regular_file_is_refused);
	tcase_add_test(t, a_huge_file_is_refused);
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
