/*
 * test_server.c - finding servers; test_claims.c has files at odds, test_server_dirs.c a
 * server's own directories
 */
#include "servers.h"

/* ---- names ---- */

START_TEST(name_and_aliases_are_found_without_case)
{
	add_server("x.conf", "Ca01", "certsrv", "alias = ca01.Example.test\nalias = pki");
	add_server("y.conf", "other", "ds", "");
	assert_found(FAMILY_CERTSRV, "ca01", "Ca01");
	assert_found(FAMILY_CERTSRV, "CA01.EXAMPLE.TEST", "Ca01");
	assert_found(FAMILY_CERTSRV, "\\\\PKI", "Ca01");
	assert_found(FAMILY_CERTSRV, "\\pki", "Ca01");
	assert_found(FAMILY_ANY, "pki", "Ca01");
	assert_found(FAMILY_DS, "OTHER", "other");
	assert_not_found(FAMILY_DS, "pki", UNKNOWN);
	assert_not_found(FAMILY_CERTSRV, "other", UNKNOWN);
	assert_not_found(FAMILY_ANY, "ca0", UNKNOWN);
	assert_not_found(FAMILY_ANY, "ca011", UNKNOWN);
	assert_detail_has(dir);
}
END_TEST

START_TEST(a_server_of_both_families_is_found_by_either)
{
	add_server("x.conf", "both", "ds\nfamily = certsrv", "");
	assert_found(FAMILY_CERTSRV, "both", "both");
	assert_found(FAMILY_DS, "both", "both");
	assert_found(FAMILY_ANY, "both", "both");
	assert_found(FAMILY_DS, NULL, "both");
}
END_TEST

START_TEST(this_host_means_its_only_server_of_the_family)
{
	char local[HOST_NAME_MAX + 4];

	add_server("a.conf", "ca-a", "certsrv", "");
	add_server("b.conf", "ds-b", "ds", "");
	assert_found(FAMILY_CERTSRV, NULL, "ca-a");
	assert_found(FAMILY_CERTSRV, "", "ca-a");
	assert_found(FAMILY_CERTSRV, ".", "ca-a");
	assert_found(FAMILY_CERTSRV, "\\\\.", "ca-a");
	assert_found(FAMILY_CERTSRV, "LocalHost", "ca-a");
	assert_found(FAMILY_DS, "\\\\localhost", "ds-b");
	assert_found(FAMILY_DS, host, "ds-b");
	(void)snprintf(local, sizeof(local), "\\\\%s", host);
	local[strcspn(local, ".")] = '\0';
	assert_found(FAMILY_DS, local, "ds-b");
	assert_not_found(FAMILY_ANY, NULL, SEVERAL);
	assert_detail_has("ca-a, ds-b");
	add_server("c.conf", "ca-c", "certsrv", "");
	assert_not_found(FAMILY_CERTSRV, NULL, SEVERAL);
	assert_not_found(FAMILY_CERTSRV, host, SEVERAL);
	assert_found(FAMILY_DS, ".", "ds-b");
}
END_TEST

START_TEST(this_host_without_a_server_is_unknown)
{
	assert_not_found(FAMILY_CERTSRV, NULL, UNKNOWN);
	add_server("a.conf", "ds-a", "ds", "");
	assert_not_found(FAMILY_CERTSRV, "localhost", UNKNOWN);
}
END_TEST

START_TEST(a_configured_name_wins_over_the_name_of_this_host)
{
	add_server("a.conf", host, "certsrv", "");
	add_server("b.conf", "other", "certsrv", "alias = localhost");
	assert_found(FAMILY_CERTSRV, host, host);
	assert_found(FAMILY_CERTSRV, "LOCALHOST", "other");
	assert_not_found(FAMILY_CERTSRV, NULL, SEVERAL);
}
END_TEST

START_TEST(a_host_and_authority_name_a_certsrv_server)
{
	char name[HOST_NAME_MAX + 32];

	add_server("a.conf", "ca-a", "certsrv", "alias = aa\nauthority = Example CA");
	add_server("b.conf", "ca-b", "certsrv", "authority = Other CA");
	add_server("c.conf", "ca-c", "certsrv", "");
	assert_found(FAMILY_CERTSRV, "ca-a\\Example CA", "ca-a");
	assert_found(FAMILY_ANY, "\\\\AA\\EXAMPLE ca", "ca-a");
	assert_found(FAMILY_CERTSRV, "localhost\\Other CA", "ca-b");
	assert_found(FAMILY_CERTSRV, ".\\Other CA", "ca-b");
	(void)snprintf(name, sizeof(name), "\\\\%s\\Example CA", host);
	assert_found(FAMILY_CERTSRV, name, "ca-a");
	assert_not_found(FAMILY_CERTSRV, "ca-a\\Other CA", UNKNOWN);
	assert_not_found(FAMILY_CERTSRV, "elsewhere\\Other CA", UNKNOWN);
	assert_not_found(FAMILY_CERTSRV, "ca-c\\ca-c", UNKNOWN);
	assert_not_found(FAMILY_CERTSRV, "localhost\\Third CA", UNKNOWN);
	assert_not_found(FAMILY_DS, "ca-a\\Example CA", MALFORMED);
	add_server("d.conf", "ca-d", "certsrv", "authority = Other CA");
	assert_not_found(FAMILY_CERTSRV, "localhost\\Other CA", SEVERAL);
	assert_found(FAMILY_CERTSRV, "ca-d\\Other CA", "ca-d");
}
END_TEST

START_TEST(malformed_names_are_no_names)
{
	static const char *const names[] = {"a_b", "a/b", "/", "a b", "a\nb", "\x01",
		"..", "-a", ".a", "a:b", "b\xc3\xbc", "\xff", "a\\", "a\\b\\c", "a\\b/c",
		"a\\b\n", "a_b\\CA", "%s%n"};
	char name[1000];

	add_server("a.conf", "ca-a", "certsrv", "authority = b");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_not_found(FAMILY_ANY, names[i], MALFORMED);
		assert_not_found(FAMILY_CERTSRV, names[i], MALFORMED);
	}
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_not_found(FAMILY_ANY, name, UNKNOWN);
	name[255] = 'a';
	name[256] = '\0';
	assert_not_found(FAMILY_ANY, name, MALFORMED);
}
END_TEST

START_TEST(a_server_on_another_machine_is_no_binding)
{
	char extra[HOST_NAME_MAX + 16];

	add_server("a.conf", "far", "ds", "host = far.example.test");
	assert_not_found(FAMILY_DS, "far", ELSEWHERE);
	assert_detail_has("far.example.test");
	assert_not_found(FAMILY_DS, NULL, UNKNOWN);
	(void)snprintf(extra, sizeof(extra), "host = %s", host);
	add_server("b.conf", "near", "ds", extra);
	assert_found(FAMILY_DS, "near", "near");
	assert_found(FAMILY_DS, NULL, "near");
}
END_TEST

/* ---- the directory ---- */

START_TEST(only_conf_files_count)
{
	add_server("a.conf", "ca-a", "certsrv", "");
	add_text("a.conf~", "nonsense");
	add_text(".b.conf", "nonsense");
	add_text(".a.conf.swp", "nonsense");
	add_text("README", "nonsense");
	add_text(".conf", "nonsense");
	add_text("a.conf.dpkg-old", "nonsense");
	assert_found(FAMILY_ANY, NULL, "ca-a");
	{
		struct server_list list;
		struct names broken;

		ck_assert_int_eq(server_load_all(&list, &broken), STATUS_OK);
		ck_assert_uint_eq(list.count, 1);
		ck_assert_uint_eq(broken.count, 0);
		server_list_free(&list);
		names_free(&broken);
	}
}
END_TEST

START_TEST(a_missing_directory_is_named)
{
	struct server_list list;
	struct names broken;
	char *missing = support_path(dir, "missing");

	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", missing, 1), 0);
	ck_assert_str_eq(server_config_dir(), missing);
	assert_not_found(FAMILY_ANY, "x", STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	assert_detail_has(missing);
	assert_not_found(FAMILY_ANY, "a_b", MALFORMED);
	ck_assert_int_eq(
		server_load_all(&list, &broken), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_uint_eq(list.count, 0);
	ck_assert_ptr_null(list.items);
	ck_assert_int_eq(unsetenv("BACKUPAPI_CONFIG_DIR"), 0);
	ck_assert_str_ne(server_config_dir(), missing);
	ck_assert_int_eq(server_config_dir()[0], '/');
	free(missing);
}
END_TEST

START_TEST(a_directory_that_others_may_write_is_refused)
{
	static const mode_t modes[] = {0770, 0702, 01777};

	add_server("a.conf", "ca-a", "certsrv", "");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(dir, modes[i]), 0);
		assert_not_found(FAMILY_ANY, "ca-a", DENIED);
		assert_detail_has(dir);
	}
	ck_assert_int_eq(chmod(dir, 0755), 0);
	assert_found(FAMILY_ANY, "ca-a", "ca-a");
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(dir, 12345, 0), 0);
	assert_not_found(FAMILY_ANY, "ca-a", DENIED);
}
END_TEST

START_TEST(all_servers_are_listed_by_name)
{
	struct server_list list;
	struct names broken;

	add_server("1.conf", "zeta", "ds", "");
	add_server("2.conf", "Alpha", "ds", "");
	add_server("3.conf", "mid", "certsrv", "");
	add_server("4.conf", "bad_name", "certsrv", "");
	add_text("5.conf", "x");
	ck_assert_int_eq(server_load_all(&list, &broken), STATUS_OK);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.items[0]->name, "Alpha");
	ck_assert_str_eq(list.items[1]->name, "mid");
	ck_assert_str_eq(list.items[2]->name, "zeta");
	ck_assert_uint_eq(broken.count, 2);
	ck_assert_ptr_nonnull(strstr(broken.items[0], "/4.conf:2: "));
	ck_assert_ptr_nonnull(strstr(broken.items[1], "/5.conf:1: "));
	server_list_free(&list);
	ck_assert_uint_eq(list.count, 0);
	names_free(&broken);
}
END_TEST

START_TEST(many_servers_are_read)
{
	struct server_list list;
	struct names broken;
	char file[32], name[32];

	for (int i = 0; i < 500; i++) {
		(void)snprintf(file, sizeof(file), "%03d.conf", i);
		(void)snprintf(name, sizeof(name), "s%03d", 499 - i);
		add_server(file, name, "certsrv", "");
	}
	ck_assert_int_eq(server_load_all(&list, &broken), STATUS_OK);
	ck_assert_uint_eq(list.count, 500);
	ck_assert_str_eq(list.items[0]->name, "s000");
	ck_assert_str_eq(list.items[499]->name, "s499");
	server_list_free(&list);
	names_free(&broken);
}
END_TEST

/* ---- broken files ---- */

START_TEST(a_broken_file_hides_no_other)
{
	add_text("0.conf", "[server]\nnonsense");
	add_server("a.conf", "ca-a", "certsrv", "");
	assert_found(FAMILY_CERTSRV, "ca-a", "ca-a");
	assert_found(FAMILY_CERTSRV, NULL, "ca-a");
	add_server("ca-a-old.conf", "ca-a", "certsrv", "nonsense = 1");
	assert_found(FAMILY_CERTSRV, "ca-a", "ca-a");
}
END_TEST

START_TEST(a_broken_file_that_is_asked_for_is_reported)
{
	add_server("x.conf", "ca-a", "certsrv", "alias = pki\nnonsense = 1");
	assert_not_found(FAMILY_CERTSRV, "CA-A", BAD);
	assert_detail_has("/x.conf:5: [server] nonsense");
	assert_not_found(FAMILY_CERTSRV, "pki", BAD);
	assert_not_found(FAMILY_CERTSRV, "X", BAD);
	assert_not_found(FAMILY_CERTSRV, "X\\Example CA", BAD);
}
END_TEST

START_TEST(a_broken_file_of_another_name_is_mentioned)
{
	add_text("x.conf", "[server]\nnonsense");
	add_text("y.conf", "");
	assert_not_found(FAMILY_CERTSRV, "ca-a", UNKNOWN);
	assert_detail_has("2 cannot be read");
	assert_detail_has("/x.conf:2: ");
	assert_not_found(FAMILY_CERTSRV, NULL, UNKNOWN);
	assert_detail_has("2 cannot be read");
}
END_TEST

START_TEST(a_broken_file_with_this_hosts_name_is_not_passed_over)
{
	add_server("x.conf", host, "certsrv", "nonsense = 1");
	add_server("b.conf", "other", "certsrv", "authority = Other CA");
	assert_not_found(FAMILY_CERTSRV, host, BAD);
	assert_found(FAMILY_CERTSRV, "localhost", "other");
	{
		char name[HOST_NAME_MAX + 16];

		(void)snprintf(name, sizeof(name), "%s\\Other CA", host);
		assert_found(FAMILY_CERTSRV, name, "other");
	}
}
END_TEST

START_TEST(an_untrusted_file_counts_as_broken_and_its_content_for_nothing)
{
	char *path = support_path(dir, "x.conf");

	add_server("x.conf", "ca-a", "certsrv", "");
	ck_assert_int_eq(chmod(path, 0666), 0);
	assert_not_found(FAMILY_CERTSRV, "ca-a", UNKNOWN);
	assert_detail_has("/x.conf");
	assert_not_found(FAMILY_CERTSRV, "x", DENIED);
	assert_detail_has("0666");
	free(path);
}
END_TEST

START_TEST(a_file_that_this_user_may_not_read_is_reported)
{
	char *path = support_path(dir, "x.conf");
	struct server *server;
	status rc;

	add_server("x.conf", "ca-a", "certsrv", "");
	add_server("y.conf", "ca-b", "certsrv", "");
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	{
		char *other = support_path(dir, "y.conf");

		ck_assert_int_eq(chmod(other, 0644), 0);
		free(other);
	}
	ck_assert_int_eq(seteuid(65534), 0);
	rc = server_find(FAMILY_CERTSRV, "x", &server);
	ck_assert_msg(rc == DENIED, "%08x %s", (unsigned)rc, status_pending());
	assert_detail_has("/x.conf");
	assert_detail_has("Permission denied");
	assert_not_found(FAMILY_CERTSRV, "ca-a", UNKNOWN);
	assert_detail_has("/x.conf");
	assert_found(FAMILY_CERTSRV, "ca-b", "ca-b");
	ck_assert_int_eq(seteuid(0), 0);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *t = tcase_create("server");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, name_and_aliases_are_found_without_case);
	tcase_add_test(t, a_server_of_both_families_is_found_by_either);
	tcase_add_test(t, this_host_means_its_only_server_of_the_family);
	tcase_add_test(t, this_host_without_a_server_is_unknown);
	tcase_add_test(t, a_configured_name_wins_over_the_name_of_this_host);
	tcase_add_test(t, a_host_and_authority_name_a_certsrv_server);
	tcase_add_test(t, malformed_names_are_no_names);
	tcase_add_test(t, a_server_on_another_machine_is_no_binding);
	tcase_add_test(t, only_conf_files_count);
	tcase_add_test(t, a_missing_directory_is_named);
	tcase_add_test(t, a_directory_that_others_may_write_is_refused);
	tcase_add_test(t, all_servers_are_listed_by_name);
	tcase_add_test(t, many_servers_are_read);
	tcase_add_test(t, a_broken_file_hides_no_other);
	tcase_add_test(t, a_broken_file_that_is_asked_for_is_reported);
	tcase_add_test(t, a_broken_file_of_another_name_is_mentioned);
	tcase_add_test(t, a_broken_file_with_this_hosts_name_is_not_passed_over);
	tcase_add_test(t, an_untrusted_file_counts_as_broken_and_its_content_for_nothing);
	if (geteuid() == 0)
		tcase_add_test(t, a_file_that_this_user_may_not_read_is_reported);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
