/*
 * test_claims.c - configuration files at odds
 */
#include "servers.h"

static void assert_at_odds(const char *name, const char *other)
{
	assert_not_found(FAMILY_CERTSRV, name, BAD);
	assert_detail_has("/a.conf and ");
	assert_detail_has("/b.conf");
	assert_not_found(FAMILY_CERTSRV, other, BAD);
	assert_detail_has("/a.conf and ");
	assert_detail_has("/b.conf");
}

START_TEST(two_files_with_one_name_are_both_refused)
{
	add_server("a.conf", "one", "certsrv", "state_dir = /x/1");
	add_server("b.conf", "ONE", "certsrv", "state_dir = /x/2");
	add_server("c.conf", "two", "certsrv", "");
	assert_at_odds("one", "oNe");
	assert_detail_has("certsrv name");
	assert_found(FAMILY_CERTSRV, "two", "two");
	assert_found(FAMILY_CERTSRV, NULL, "two");
}
END_TEST

START_TEST(a_name_and_an_alias_share_one_space)
{
	add_server("a.conf", "one", "certsrv", "alias = three");
	add_server("b.conf", "two", "certsrv", "alias = One");
	assert_at_odds("one", "two");
	assert_not_found(FAMILY_CERTSRV, "three", BAD);
	assert_not_found(FAMILY_CERTSRV, NULL, BAD);
}
END_TEST

START_TEST(each_family_has_its_own_names)
{
	add_server("a.conf", "one", "certsrv", "state_dir = /x/1");
	add_server("b.conf", "one", "ds", "state_dir = /x/2");
	assert_found(FAMILY_CERTSRV, "one", "one");
	assert_found(FAMILY_DS, "one", "one");
	assert_not_found(FAMILY_ANY, "one", BAD);
	assert_detail_has("/a.conf and ");
	assert_detail_has("/b.conf");
}
END_TEST

START_TEST(two_files_with_one_state_dir_are_both_refused)
{
	add_server("a.conf", "one", "certsrv", "state_dir = /x//1/");
	add_server("b.conf", "two", "certsrv", "state_dir = /x/1");
	assert_at_odds("one", "two");
	assert_detail_has("state_dir /x/1");
}
END_TEST

START_TEST(two_files_with_one_database_are_both_refused)
{
	add_database("a.conf", "one", "/nowhere/index.txt");
	add_database("b.conf", "two", "//nowhere//index.txt/");
	add_database("c.conf", "three", "/nowhere/other.txt");
	assert_at_odds("one", "two");
	assert_detail_has("database /nowhere/index.txt");
	assert_found(FAMILY_CERTSRV, "three", "three");
}
END_TEST

START_TEST(two_files_with_one_glob_are_both_refused)
{
	add_database("a.conf", "one", "/nowhere/*.db");
	add_database("b.conf", "two", "/nowhere/*.db");
	assert_at_odds("one", "two");
}
END_TEST

START_TEST(links_to_one_database_are_seen_through)
{
	char *file = support_path(dir, "file"), *hard = support_path(dir, "hard");
	char *soft = support_path(dir, "soft"), *real = support_path(dir, "real");

	support_write(file, "x");
	ck_assert_int_eq(link(file, hard), 0);
	add_database("a.conf", "one", file);
	add_database("b.conf", "two", hard);
	assert_at_odds("one", "two");
	ck_assert_int_eq(mkdir(real, 0700), 0);
	ck_assert_int_eq(symlink("real", soft), 0);
	add_database("a.conf", "one", real);
	add_database("b.conf", "two", soft);
	assert_at_odds("one", "two");
	ck_assert_int_eq(unlink(soft), 0);
	assert_found(FAMILY_CERTSRV, "one", "one");
	free(file);
	free(hard);
	free(soft);
	free(real);
}
END_TEST

START_TEST(a_database_of_another_machine_is_another_one)
{
	add_database("a.conf", "one", "/nowhere/db");
	add_text("b.conf", "[server]\nname = two\nfamily = certsrv\nhost = far\n"
			   "[store]\ndatabase = /nowhere/db\n");
	assert_found(FAMILY_CERTSRV, "one", "one");
	assert_not_found(FAMILY_CERTSRV, "two", ELSEWHERE);
}
END_TEST

START_TEST(what_is_claimed_twice_within_one_file_is_no_quarrel)
{
	add_server("a.conf", "one", "certsrv\nfamily = ds", "alias = One\nalias = one");
	assert_found(FAMILY_CERTSRV, "one", "one");
}
END_TEST

START_TEST(files_at_odds_are_listed_once_as_broken)
{
	struct server_list list;
	struct names broken;

	add_database("a.conf", "one", "/nowhere/db");
	add_database("b.conf", "two", "/nowhere/db");
	add_database("c.conf", "three", "/nowhere/other");
	ck_assert_int_eq(server_load_all(&list, &broken), STATUS_OK);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0]->name, "three");
	ck_assert_uint_eq(broken.count, 1);
	server_list_free(&list);
	names_free(&broken);
}
END_TEST

static void assert_no_odds(const char *database, const char *other)
{
	add_database("a.conf", "one", database);
	add_database("b.conf", "two", other);
	assert_found(FAMILY_CERTSRV, "one", "one");
	assert_found(FAMILY_CERTSRV, "two", "two");
}

START_TEST(a_file_that_anothers_glob_matches_is_one_database)
{
	add_database("a.conf", "one", "/nowhere/data.txt");
	add_database("b.conf", "two", "/nowhere/*");
	add_database("c.conf", "three", "/elsewhere/*");
	assert_at_odds("one", "two");
	assert_detail_has("/nowhere/data.txt");
	assert_detail_has("/nowhere/*");
	assert_found(FAMILY_CERTSRV, "three", "three");
	add_database("a.conf", "one", "/no*/*.t[xy]t");
	add_database("b.conf", "two", "/nowhere/data.txt");
	assert_at_odds("one", "two");
}
END_TEST

START_TEST(globs_that_can_match_one_file_are_at_odds)
{
	add_database("a.conf", "one", "/nowhere/*.pem");
	add_database("b.conf", "two", "/nowhere/0*");
	assert_at_odds("one", "two");
	assert_detail_has("/nowhere/*.pem");
	assert_detail_has("/nowhere/0*");
}
END_TEST

START_TEST(globs_and_files_that_cannot_meet_are_no_quarrel)
{
	assert_no_odds("/nowhere/*.pem", "/nowhere/index.txt");
	assert_no_odds("/nowhere/*.pem", "/nowhere/*.key");
	assert_no_odds("/nowhere/*", "/nowhere/a/*");
	assert_no_odds("/nowhere/*", "/nowhere/.hidden");
	assert_no_odds("/nowhere/[0-7]*.pem", "/nowhere/[89A-F]*.pem");
	assert_no_odds("/nowhere/a/*", "/nowhere/b/*");
}
END_TEST

START_TEST(a_glob_in_a_linked_directory_is_seen_through)
{
	char *real = support_path(dir, "real"), *soft = support_path(dir, "soft");
	char *glob = support_path(soft, "*.txt"), *file = support_path(real, "a.txt");

	ck_assert_int_eq(mkdir(real, 0700), 0);
	ck_assert_int_eq(symlink("real", soft), 0);
	add_database("a.conf", "one", glob);
	add_database("b.conf", "two", file);
	assert_at_odds("one", "two");
	free(real);
	free(soft);
	free(glob);
	free(file);
}
END_TEST

START_TEST(a_glob_and_its_file_in_one_configuration_are_no_quarrel)
{
	add_text("a.conf", "[server]\nname = one\nfamily = certsrv\n[store]\n"
			   "database = /nowhere/*\ndatabase = /nowhere/a\n");
	assert_found(FAMILY_CERTSRV, "one", "one");
}
END_TEST

/* B's database PATH beside A, whose store is the directory /nowhere/db. */
static void beside_directory(const char *path)
{
	char text[256];

	add_text("a.conf", "[server]\nname = one\nfamily = certsrv\n[store]\n"
			   "engine = bdb\ndatabase = /nowhere/db\n");
	(void)snprintf(text, sizeof(text),
		"[server]\nname = two\nfamily = certsrv\n[store]\ndatabase = %s\n", path);
	add_text("b.conf", text);
}

START_TEST(what_lies_in_anothers_directory_is_at_odds_with_it)
{
	static const char *const paths[] = {"/nowhere/db/x.db", "/nowhere/db/sub/x.db",
		"/nowhere/db/*.db", "/nowhere/*/x.db", "/*/d?/sub/*"};

	beside_directory(paths[_i]);
	assert_at_odds("one", "two");
	assert_detail_has("/nowhere/db");
}
END_TEST

START_TEST(what_lies_beside_anothers_directory_is_no_quarrel)
{
	static const char *const paths[] = {"/nowhere/db.db", "/nowhere/d",
		"/nowhere/x/db", "/nowhere/*.db", "/nowhere/x*/x.db"};

	beside_directory(paths[_i]);
	assert_found(FAMILY_CERTSRV, "one", "one");
	assert_found(FAMILY_CERTSRV, "two", "two");
}
END_TEST

START_TEST(a_directory_within_anothers_is_at_odds_with_it_links_seen_through)
{
	char *outer = support_path(dir, "outer"), *inner = support_path(outer, "inner");
	char *link = support_path(dir, "link");

	ck_assert_int_eq(mkdir(outer, 0700), 0);
	ck_assert_int_eq(mkdir(inner, 0700), 0);
	ck_assert_int_eq(symlink(inner, link), 0);
	add_database("a.conf", "one", outer);
	add_database("b.conf", "two", link);
	assert_at_odds("one", "two");
	free(outer);
	free(inner);
	free(link);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claims");
	TCase *t = tcase_create("claims");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, two_files_with_one_name_are_both_refused);
	tcase_add_test(t, a_name_and_an_alias_share_one_space);
	tcase_add_test(t, each_family_has_its_own_names);
	tcase_add_test(t, two_files_with_one_state_dir_are_both_refused);
	tcase_add_test(t, two_files_with_one_database_are_both_refused);
	tcase_add_test(t, two_files_with_one_glob_are_both_refused);
	tcase_add_test(t, links_to_one_database_are_seen_through);
	tcase_add_test(t, a_database_of_another_machine_is_another_one);
	tcase_add_test(t, what_is_claimed_twice_within_one_file_is_no_quarrel);
	tcase_add_test(t, files_at_odds_are_listed_once_as_broken);
	tcase_add_test(t, a_file_that_anothers_glob_matches_is_one_database);
	tcase_add_test(t, globs_that_can_match_one_file_are_at_odds);
	tcase_add_test(t, globs_and_files_that_cannot_meet_are_no_quarrel);
	tcase_add_test(t, a_glob_in_a_linked_directory_is_seen_through);
	tcase_add_test(t, a_glob_and_its_file_in_one_configuration_are_no_quarrel);
	tcase_add_loop_test(t, what_lies_in_anothers_directory_is_at_odds_with_it, 0, 5);
	tcase_add_loop_test(t, what_lies_beside_anothers_directory_is_no_quarrel, 0, 5);
	tcase_add_test(
		t, a_directory_within_anothers_is_at_odds_with_it_links_seen_through);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
