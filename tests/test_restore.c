#include "session/restore.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/staging.h"
#include "store.h"
#include "support.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	store_control(SERVICE_STOP);
}

static void teardown(void)
{
	store_free(store);
}

static const char *const serial_only[] = {"serial", NULL};

static enum registration_state state_of_registration(void)
{
	struct registration *r = store_registration();
	enum registration_state state;

	ck_assert_ptr_nonnull(r);
	state = r->state;
	registration_free(r);
	return state;
}

static status try_to_prepare(unsigned family)
{
	struct restore *r;
	status rc = restore_prepare(store_server(), family, true, &r);

	ck_assert(failed(rc) == !r);
	if (r)
		restore_end(r);
	return rc;
}

static status cancel(void)
{
	struct server *server = store_server();
	status rc = restore_cancel(server);

	server_free(server);
	return rc;
}

/* Of one database, from OLD_NAME to NEW_NAME. */
static status register_one(struct restore *r, const char *old_name, const char *new_name)
{
	const struct restore_request q = {.map_given = true,
		.map_count = 1,
		.old_names = &old_name,
		.new_names = &new_name};

	return restore_register(r, &q);
}

static status register_incremental(struct restore *r)
{
	const struct restore_request q = {.map_given = false};

	return restore_register(r, &q);
}

/* ---- prepare ---- */

START_TEST(the_service_must_be_stopped)
{
	store_control(SERVICE_START);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV),
		STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	store_control(SERVICE_SUSPEND);
	ck_assert_int_eq(
		try_to_prepare(FAMILY_DS), STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	store_control(SERVICE_STOP);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV), STATUS_OK);
}
END_TEST

START_TEST(one_live_handle_per_store_whatever_the_family)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV), hrRestoreInProgress);
	ck_assert_int_eq(try_to_prepare(FAMILY_DS), hrRestoreInProgress);
	restore_end(r);
	ck_assert_int_eq(try_to_prepare(FAMILY_DS), STATUS_OK);
}
END_TEST

START_TEST(a_handle_for_locations_needs_neither_a_stopped_service_nor_a_free_store)
{
	struct restore *full = store_restore(FAMILY_CERTSRV), *r;

	ck_assert_int_eq(
		restore_prepare(store_server(), FAMILY_DS, false, &r), STATUS_OK);
	ck_assert(!restore_is_full_handle(r) && restore_is_full_handle(full));
	ck_assert_str_eq(restore_server(r)->name, STORE_NAME);
	ck_assert_int_eq(store_register(r, store, serial_only), hrInvalidHandle);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), hrInvalidHandle);
	ck_assert(!store_pending());
	restore_end(r);
	restore_end(full);
	store_control(SERVICE_START);
	ck_assert_int_eq(
		restore_prepare(store_server(), FAMILY_DS, false, &r), STATUS_OK);
	restore_end(r);
}
END_TEST

/* ---- register ---- */

START_TEST(a_registration_is_durable_and_says_what_was_registered)
{
	const char *from = "D\\\\CA01\\certs\\serial";
	const char *to = store_path(store, "new/serial");
	const struct restore_request q = {.map_given = true,
		.map_count = 1,
		.old_names = &from,
		.new_names = &to,
		.checkpoint_path = "\\\\ca01\\certs\\system",
		.log_path = "/var/log/ca/",
		.backup_log_path = "/media/logs",
		.low = 3,
		.high = 7};
	struct restore *handle = store_restore(FAMILY_DS);
	struct registration *r;

	ck_assert_int_eq(restore_register(handle, &q), STATUS_OK);
	r = store_registration();
	ck_assert_uint_eq(r->family, FAMILY_DS);
	ck_assert_uint_eq(r->maker, geteuid());
	ck_assert(!r->in_store && !r->replaced);
	ck_assert_int_eq(r->state, REGISTRATION_OPEN);
	ck_assert_str_eq(r->checkpoint_path, store_path(store, "system"));
	ck_assert_str_eq(r->log_path, "/var/log/ca");
	ck_assert_uint_eq(r->target_count, 1);
	ck_assert_str_eq(r->targets[0].old_path, store_path(store, "serial"));
	ck_assert_str_eq(r->targets[0].new_path, to);
	ck_assert_uint_eq(r->log_count, 1);
	ck_assert_str_eq(r->logs[0].backup_log_path, "/media/logs");
	ck_assert_uint_eq(r->logs[0].low, 3);
	ck_assert_uint_eq(r->logs[0].high, 7);
	registration_free(r);
	restore_end(handle);
	ck_assert(store_pending()); /* End releases the handle alone */
}
END_TEST

START_TEST(ranges_that_make_no_sense_are_refused)
{
	static const struct {
		uint32_t low, high;
		status expected;
	} cases[] = {
		{0, 0, STATUS_OK},
		{1, 1, STATUS_OK},
		{1, UINT32_MAX, STATUS_OK},
		{2, 1, STATUS_WIN32(ERROR_INVALID_PARAMETER)},
		{0, 5, STATUS_WIN32(ERROR_INVALID_PARAMETER)},
		{5, 0, STATUS_WIN32(ERROR_INVALID_PARAMETER)},
	};
	const struct restore_request q = {
		.map_given = true, .low = cases[_i].low, .high = cases[_i].high};
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(restore_register(r, &q), cases[_i].expected);
	ck_assert(store_pending() == !failed(cases[_i].expected));
	restore_end(r);
}
END_TEST

START_TEST(names_that_are_none_are_refused)
{
	const char *good = store_path(store, "serial");
	struct restore *r = store_restore(FAMILY_CERTSRV);
	const struct restore_request bad_paths[] = {
		{.map_given = true, .checkpoint_path = "relative"},
		{.map_given = true, .log_path = "\\\\other\\certs\\x"},
		{.map_given = true, .backup_log_path = "/a/../b"},
	};

	ck_assert_int_eq(
		register_one(r, NULL, good), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(
		register_one(r, good, NULL), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(
		register_one(r, "serial", good), STATUS_WIN32(ERROR_INVALID_NAME));
	ck_assert_int_eq(
		register_one(r, good, "/a/../b"), STATUS_WIN32(ERROR_INVALID_NAME));
	ck_assert_int_eq(register_one(r, good, "\\\\other\\certs\\x"),
		STATUS_WIN32(ERROR_INVALID_NAME));
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(restore_register(r, &bad_paths[i]),
			STATUS_WIN32(ERROR_INVALID_NAME));
	ck_assert(!store_pending());
	ck_assert_int_eq(register_one(r, good, good), STATUS_OK);
	restore_end(r);
}
END_TEST

START_TEST(map_entries_that_name_a_listed_directory_are_ignored)
{
	struct restore *handle = store_restore(FAMILY_CERTSRV);
	const struct server *server = restore_server(handle);
	const char *names[] = {server->store.log_dir, store_path(store, "serial"),
		server->store.system_dir};
	const char *new_names[] = {"/elsewhere", names[1], "not even a name"};
	const struct restore_request q = {.map_given = true,
		.map_count = 3,
		.old_names = names,
		.new_names = new_names};
	struct registration *r;

	ck_assert_int_eq(restore_register(handle, &q), STATUS_OK);
	r = store_registration();
	ck_assert_uint_eq(r->target_count, 1);
	ck_assert_str_eq(r->targets[0].new_path, names[1]);
	registration_free(r);
	restore_end(handle);
}
END_TEST

START_TEST(two_databases_cannot_go_to_one_place)
{
	const char *from[] = {
		store_path(store, "serial"), store_path(store, "index.txt")};
	const char *to[] = {store_path(store, "serial"), "\\\\ca01\\certs\\serial"};
	const struct restore_request q = {
		.map_given = true, .map_count = 2, .old_names = from, .new_names = to};
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(restore_register(r, &q), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert(!store_pending());
	restore_end(r);
}
END_TEST

START_TEST(an_incremental_set_needs_a_registered_full_one)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);
	struct registration *found;

	ck_assert_int_eq(register_incremental(r), hrNoFullRestore);
	ck_assert(!store_pending());
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(register_incremental(r), STATUS_OK);
	ck_assert_int_eq(register_incremental(r), STATUS_OK);
	found = store_registration();
	ck_assert_uint_eq(found->log_count, 3);
	ck_assert_uint_eq(found->target_count, 1);
	registration_free(found);
	restore_end(r);
}
END_TEST

START_TEST(an_incremental_set_after_completion_asks_for_completion_again)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	ck_assert_int_eq(register_incremental(r), STATUS_OK);
	ck_assert_int_eq(state_of_registration(), REGISTRATION_OPEN);
	restore_end(r);
}
END_TEST

START_TEST(a_second_full_set_by_the_same_handle_is_refused)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(store_register(r, store, serial_only), hrRestoreMapExists);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	ck_assert_int_eq(store_register(r, store, serial_only), hrRestoreMapExists);
	ck_assert_int_eq(state_of_registration(), REGISTRATION_COMPLETE);
	restore_end(r);
}
END_TEST

START_TEST(a_new_handle_replaces_what_an_ended_one_registered)
{
	static const char *const index_only[] = {"index.txt", NULL};
	struct restore *r = store_restore(FAMILY_CERTSRV);
	struct registration *found;

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	r = store_restore(FAMILY_DS);
	ck_assert_int_eq(store_register(r, store, index_only), STATUS_OK);
	found = store_registration();
	ck_assert_uint_eq(found->family, FAMILY_DS);
	ck_assert_int_eq(found->state, REGISTRATION_OPEN);
	ck_assert_uint_eq(found->target_count, 1);
	ck_assert_str_eq(found->targets[0].new_path, store_path(store, "index.txt"));
	registration_free(found);
	restore_end(r);
}
END_TEST

static void register_in_a_child_that_dies(void)
{
	pid_t pid = fork();
	int wait_status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		static struct restore *volatile r; /* reachable: not a leak */

		r = store_restore(FAMILY_CERTSRV);
		_exit(store_register(r, store, serial_only) == STATUS_OK ? 42 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
}

START_TEST(another_handle_completes_what_a_dead_one_registered)
{
	struct restore *r;

	register_in_a_child_that_dies();
	ck_assert_int_eq(state_of_registration(), REGISTRATION_OPEN);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	ck_assert_int_eq(state_of_registration(), REGISTRATION_COMPLETE);
	ck_assert_int_eq(store_recover(), STATUS_OK);
}
END_TEST

START_TEST(another_handle_replaces_what_a_dead_one_registered)
{
	struct restore *r;

	register_in_a_child_that_dies();
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	restore_end(r);
}
END_TEST

START_TEST(a_new_registration_discards_what_was_staged_for_its_targets)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	store_stage(store, "serial", "of the first\n");
	restore_end(r);
	store_let_age();
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
	restore_end(r);
}
END_TEST

START_TEST(a_damaged_registration_is_neither_replaced_nor_completed)
{
	char *path = support_path(store->state, "registration");
	struct restore *r = store_restore(FAMILY_CERTSRV);

	support_write(path, "noise\n");
	ck_assert_int_eq(
		store_register(r, store, serial_only), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_ptr_nonnull(strstr(status_pending(), path));
	ck_assert_int_eq(
		restore_complete(r, STATUS_OK), STATUS_WIN32(ERROR_INVALID_DATA));
	restore_end(r);
	ck_assert_int_eq(cancel(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	free(path);
}
END_TEST

static void add_registering(TCase *tests)
{
	tcase_add_test(tests, a_registration_is_durable_and_says_what_was_registered);
	tcase_add_loop_test(tests, ranges_that_make_no_sense_are_refused, 0, 6);
	tcase_add_test(tests, names_that_are_none_are_refused);
	tcase_add_test(tests, map_entries_that_name_a_listed_directory_are_ignored);
	tcase_add_test(tests, two_databases_cannot_go_to_one_place);
	tcase_add_test(tests, an_incremental_set_needs_a_registered_full_one);
	tcase_add_test(
		tests, an_incremental_set_after_completion_asks_for_completion_again);
	tcase_add_test(tests, a_second_full_set_by_the_same_handle_is_refused);
	tcase_add_test(tests, a_new_handle_replaces_what_an_ended_one_registered);
	tcase_add_test(tests, another_handle_completes_what_a_dead_one_registered);
	tcase_add_test(tests, another_handle_replaces_what_a_dead_one_registered);
	tcase_add_test(
		tests, a_new_registration_discards_what_was_staged_for_its_targets);
	tcase_add_test(tests, a_damaged_registration_is_neither_replaced_nor_completed);
}

int main(void)
{
	Suite *suite = suite_create("restore");
	TCase *tests = tcase_create("restore");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_service_must_be_stopped);
	tcase_add_test(tests, one_live_handle_per_store_whatever_the_family);
	tcase_add_test(tests,
		a_handle_for_locations_needs_neither_a_stopped_service_nor_a_free_store);
	add_registering(tests);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
