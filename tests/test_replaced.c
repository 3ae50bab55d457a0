#include "session/replaced.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "support.h"

static struct store *store;
static struct server *server;
static char *name, *root;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	server = store_server();
	ck_assert_int_eq(replaced_choose(server, &name), STATUS_OK);
	root = support_path(store->state, name);
}

static void teardown(void)
{
	free(name);
	free(root);
	server_free(server);
	store_free(store);
}

static struct replaced begin(enum file_walk walk)
{
	struct replaced r;

	ck_assert_int_eq(
		replaced_open(server, name, geteuid(), getegid(), walk, &r), STATUS_OK);
	return r;
}

static void end(struct replaced *r)
{
	ck_assert_int_eq(replaced_sync(r), STATUS_OK);
	replaced_close(r);
}

/* ROOT/<path of DIR/data/NAME> */
static char *kept(const char *file)
{
	return support_path(root, store_path(store, file) + 1);
}

static void expect_kept(const char *file, const char *text)
{
	char *path = kept(file), *found = support_read(path);

	ck_assert_str_eq(found, text);
	free(found);
	free(path);
}

START_TEST(a_chosen_name_says_when_and_is_not_in_use)
{
	char *second;

	ck_assert_int_eq(strncmp(name, "replaced-20", 11), 0);
	ck_assert_int_eq(name[strlen(name) - 1], 'Z');
	ck_assert(!support_exists(root));
	ck_assert_int_eq(mkdir(root, 0700), 0);
	ck_assert_int_eq(replaced_choose(server, &second), STATUS_OK);
	ck_assert_str_ne(second, name);
	free(second);
}
END_TEST

START_TEST(the_directory_is_for_its_owner_alone)
{
	struct replaced r = begin(FILE_TRUSTED);
	struct stat st;

	ck_assert_int_eq(stat(root, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_uint_eq(st.st_uid, geteuid());
	end(&r);
}
END_TEST

START_TEST(what_is_taken_is_found_under_its_own_path_with_content_and_mode)
{
	struct replaced r = begin(FILE_TRUSTED);
	char *path = kept("serial");
	struct stat st;

	ck_assert_int_eq(chmod(store_path(store, "serial"), 0640), 0);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "serial")), STATUS_OK);
	ck_assert_int_eq(
		replaced_take(&r, store_path(store, "newcerts/02.pem")), STATUS_OK);
	end(&r);
	ck_assert(!support_exists(store_path(store, "serial")));
	ck_assert(!support_exists(store_path(store, "newcerts/02.pem")));
	ck_assert(support_exists(store_path(store, "newcerts/01.pem")));
	expect_kept("serial", "03\n");
	expect_kept("newcerts/02.pem", "certificate two\n");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	free(path);
}
END_TEST

START_TEST(a_name_that_is_taken_already_gets_a_number)
{
	static const char *const texts[] = {"03\n", "second\n", "third\n"};
	static const char *const names[] = {"serial", "serial.1", "serial.2"};

	for (int i = 0; i < 3; i++) {
		struct replaced r = begin(FILE_TRUSTED);

		support_write(store_path(store, "serial"), texts[i]);
		ck_assert_int_eq(
			replaced_take(&r, store_path(store, "serial")), STATUS_OK);
		end(&r);
	}
	for (int i = 0; i < 3; i++)
		expect_kept(names[i], texts[i]);
}
END_TEST

START_TEST(what_does_not_exist_is_no_error)
{
	struct replaced r = begin(FILE_TRUSTED);

	ck_assert_int_eq(replaced_take(&r, store_path(store, "absent")), STATUS_OK);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "no/such/dir")), STATUS_OK);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "serial/file")), STATUS_OK);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "serial")), STATUS_OK);
	end(&r);
	expect_kept("serial", "03\n");
}
END_TEST

START_TEST(a_link_is_taken_itself_not_what_it_points_to)
{
	struct replaced r = begin(FILE_TRUSTED);
	char *path = kept("link");
	char target[64] = "";

	ck_assert_int_eq(symlink("serial", store_path(store, "link")), 0);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "link")), STATUS_OK);
	end(&r);
	ck_assert_int_eq(readlink(path, target, sizeof(target)), 6);
	store_expect(store, "serial", "03\n");
	free(path);
}
END_TEST

START_TEST(the_strict_walk_takes_nothing_through_a_link)
{
	struct replaced r = begin(FILE_NO_SYMLINK);

	ck_assert_int_eq(symlink("newcerts", store_path(store, "door")), 0);
	ck_assert_int_eq(replaced_take(&r, store_path(store, "door/01.pem")),
		STATUS_WIN32(ERROR_ACCESS_DENIED));
	replaced_close(&r);
	ck_assert(support_exists(store_path(store, "newcerts/01.pem")));
}
END_TEST

/* ---- syncs ---- */

static int renames, syncs;

static void count(const struct file_event *event)
{
	renames += event->done && event->step == FILE_RENAME;
	syncs += event->done && event->step == FILE_SYNC_DIR;
}

START_TEST(many_files_of_one_directory_cost_no_sync_each)
{
	struct replaced r = begin(FILE_TRUSTED);
	char file[64];

	for (int i = 0; i < 200; i++) {
		(void)snprintf(file, sizeof(file), "newcerts/x%d", i);
		support_write(store_path(store, file), "x");
	}
	renames = syncs = 0;
	file_step_hook = count;
	for (int i = 0; i < 200; i++) {
		(void)snprintf(file, sizeof(file), "newcerts/x%d", i);
		ck_assert_int_eq(replaced_take(&r, store_path(store, file)), STATUS_OK);
	}
	end(&r);
	file_step_hook = NULL;
	ck_assert_int_eq(renames, 200);
	ck_assert_int_lt(syncs, 20);
}
END_TEST

START_TEST(what_a_run_that_was_cut_off_took_can_be_synced_on_both_sides)
{
	struct replaced r = begin(FILE_TRUSTED);

	ck_assert_int_eq(replaced_take(&r, store_path(store, "serial")), STATUS_OK);
	ck_assert_int_eq(
		replaced_take(&r, store_path(store, "newcerts/01.pem")), STATUS_OK);
	replaced_close(&r); /* as if it died here */
	r = begin(FILE_TRUSTED);
	renames = syncs = 0;
	file_step_hook = count;
	ck_assert_int_eq(replaced_settle(&r), STATUS_OK);
	file_step_hook = NULL;
	end(&r);
	ck_assert_int_eq(renames, 0);
	ck_assert_int_eq(syncs, 4);
	ck_assert(store_was_replaced(store, "serial", "03\n"));
}
END_TEST

START_TEST(a_directory_that_is_gone_needs_no_sync)
{
	struct replaced r = begin(FILE_TRUSTED);

	ck_assert_int_eq(
		replaced_take(&r, store_path(store, "newcerts/01.pem")), STATUS_OK);
	ck_assert_int_eq(
		replaced_take(&r, store_path(store, "newcerts/02.pem")), STATUS_OK);
	replaced_close(&r);
	ck_assert_int_eq(rmdir(store_path(store, "newcerts")), 0);
	r = begin(FILE_TRUSTED);
	ck_assert_int_eq(replaced_settle(&r), STATUS_OK);
	end(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replaced");
	TCase *tests = tcase_create("replaced");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_chosen_name_says_when_and_is_not_in_use);
	tcase_add_test(tests, the_directory_is_for_its_owner_alone);
	tcase_add_test(
		tests, what_is_taken_is_found_under_its_own_path_with_content_and_mode);
	tcase_add_test(tests, a_name_that_is_taken_already_gets_a_number);
	tcase_add_test(tests, what_does_not_exist_is_no_error);
	tcase_add_test(tests, a_link_is_taken_itself_not_what_it_points_to);
	tcase_add_test(tests, the_strict_walk_takes_nothing_through_a_link);
	tcase_add_test(tests, many_files_of_one_directory_cost_no_sync_each);
	tcase_add_test(
		tests, what_a_run_that_was_cut_off_took_can_be_synced_on_both_sides);
	tcase_add_test(tests, a_directory_that_is_gone_needs_no_sync);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
