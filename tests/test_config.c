/*
 * test_config.c - one configuration file: every key, every refusal
 */
#include "config_file.h"

START_TEST(defaults_are_those_of_the_manual)
{
	struct server *s = load_good(MINIMAL);

	ck_assert_str_eq(s->file, path);
	ck_assert_str_eq(s->name, "ca01");
	ck_assert_uint_eq(s->aliases.count, 0);
	ck_assert_uint_eq(s->families, FAMILY_CERTSRV);
	ck_assert_ptr_null(s->authority);
	ck_assert_ptr_null(s->host);
	ck_assert_str_eq(strrchr(s->state_dir, '/'), "/ca01");
	ck_assert(s->state_dir[0] == '/');
	ck_assert(!s->posix_names);
	ck_assert_uint_eq(s->share_count, 0);
	ck_assert_str_eq(s->store.engine, "auto");
	ck_assert_uint_eq(s->store.databases.count, 1);
	ck_assert_str_eq(s->store.databases.items[0], "/srv/ca/index.txt");
	ck_assert_str_eq(strrchr(s->store.log_dir, '/'), "/logs");
	ck_assert_mem_eq(s->store.log_dir, s->state_dir, strlen(s->state_dir));
	ck_assert_str_eq(strrchr(s->store.system_dir, '/'), "/system");
	ck_assert_str_eq(s->store.spool_dir, s->state_dir);
	ck_assert_ptr_null(s->store.region_dir);
	ck_assert_ptr_null(s->store.log_base);
	ck_assert(!s->store.verify_report && !s->store.compact);
	ck_assert_uint_eq(s->dynamic.count, 0);
	ck_assert_uint_eq(s->tombstone_days, 180);
	ck_assert(!s->has_service);
	server_free(s);
}
END_TEST

START_TEST(every_key_of_server_is_read)
{
	struct server *s =
		load_good("; a comment\n# another\n\n[server]\n"
			  "name = CA-01.example\nalias = a1\nalias=a2.example\n"
			  "family = certsrv\nfamily = ds\n"
			  "authority = Example CA = 7\nhost = other-host\n"
			  "state_dir = //var//lib/x/\nnames = posix\n"
			  "share = certs=/srv/ca/\nshare = all = /\n" STORE);
	struct unc_scheme scheme = config_unc_scheme(s);

	ck_assert_str_eq(s->name, "CA-01.example");
	ck_assert_uint_eq(s->aliases.count, 2);
	ck_assert_str_eq(s->aliases.items[0], "a1");
	ck_assert_str_eq(s->aliases.items[1], "a2.example");
	ck_assert_uint_eq(s->families, FAMILY_CERTSRV | FAMILY_DS);
	ck_assert_str_eq(s->authority, "Example CA = 7");
	ck_assert_str_eq(s->host, "other-host");
	ck_assert_str_eq(s->state_dir, "/var/lib/x");
	ck_assert_uint_eq(s->share_count, 2);
	ck_assert_str_eq(s->shares[0].name, "certs");
	ck_assert_str_eq(s->shares[0].path, "/srv/ca");
	ck_assert_str_eq(s->shares[1].name, "all");
	ck_assert_str_eq(s->shares[1].path, "/");
	ck_assert_str_eq(scheme.server, "CA-01.example");
	ck_assert_ptr_eq(scheme.shares, s->shares);
	ck_assert_uint_eq(scheme.share_count, 2);
	ck_assert(scheme.posix);
	server_free(s);
}
END_TEST

START_TEST(every_key_of_store_is_read)
{
	struct server *s = load_good(
		SERVER "[store]\nengine = ese\ndatabase = /srv//ds/\n"
		       "database = //srv/*.db\nlog_dir = /l/\nsystem_dir = /s//y\n"
		       "region_dir = /dev/shm/x\nlog_base = edb\nspool_dir = /spool\n"
		       "verify = report\ncompact = yes\ndynamic = /srv/crl/*.crl\n"
		       "dynamic = /etc//x.conf\ntombstone_days = 36500\n");

	ck_assert_str_eq(s->store.engine, "ese");
	ck_assert_uint_eq(s->store.databases.count, 2);
	ck_assert_str_eq(s->store.databases.items[0], "/srv/ds");
	ck_assert_str_eq(s->store.databases.items[1], "//srv/*.db");
	ck_assert_str_eq(s->store.log_dir, "/l");
	ck_assert(s->store.log_dir_given);
	ck_assert_str_eq(s->store.system_dir, "/s/y");
	ck_assert_str_eq(s->store.region_dir, "/dev/shm/x");
	ck_assert_str_eq(s->store.log_base, "edb");
	ck_assert_str_eq(s->store.spool_dir, "/spool");
	ck_assert(s->store.verify_report && s->store.compact);
	ck_assert_uint_eq(s->dynamic.count, 2);
	ck_assert_str_eq(s->dynamic.items[0], "/srv/crl/*.crl");
	ck_assert_str_eq(s->dynamic.items[1], "/etc/x.conf");
	ck_assert_uint_eq(s->tombstone_days, 36500);
	server_free(s);
}
END_TEST

static void expect_log_dir(const char *store, const char *log_dir)
{
	char text[256];
	struct server *s;

	(void)snprintf(text, sizeof(text), SERVER "[store]\n%s", store);
	s = load_good(text);
	ck_assert(!s->store.log_dir_given);
	if (log_dir)
		ck_assert_str_eq(s->store.log_dir, log_dir);
	else
		ck_assert_str_eq(strrchr(s->store.log_dir, '/'), "/logs");
	server_free(s);
}

START_TEST(logs_are_where_the_engine_keeps_them)
{
	struct server *s;

	expect_log_dir("engine = bdb\ndatabase = /srv/db/\n", "/srv/db");
	expect_log_dir("engine = ese\ndatabase = /srv/ca/x.edb\n", "/srv/ca");
	expect_log_dir("engine = lmdb\ndatabase = /srv/db\n", NULL);
	s = load_good(SERVER "[store]\nengine = ese\ndatabase = /srv/ca/*.edb\n");
	ck_assert_str_eq(s->store.log_dir, "/srv/ca");
	ck_assert_str_eq(s->store.system_dir, "/srv/ca");
	server_free(s);
}
END_TEST

static void expect_with_engine(const char *engine, const char *lines, const char *log_dir,
	const char *system_dir)
{
	char text[256];
	struct store_config store;
	struct server *s;

	(void)snprintf(text, sizeof(text), SERVER "[store]\ndatabase = /srv/ca/*.edb\n%s",
		lines);
	s = load_good(text);
	store = config_with_engine(&s->store, engine);
	ck_assert_str_eq(store.log_dir, log_dir ? log_dir : s->store.log_dir);
	ck_assert_str_eq(store.system_dir, system_dir ? system_dir : s->store.system_dir);
	ck_assert_str_ne(s->store.log_dir, "/srv/ca");
	ck_assert_str_ne(s->store.system_dir, "/srv/ca");
	ck_assert_ptr_eq(store.databases.items, s->store.databases.items);
	server_free(s);
}

START_TEST(what_auto_turns_out_to_be_tells_where_logs_are)
{
	expect_with_engine("ese", "", "/srv/ca", "/srv/ca");
	expect_with_engine("ese", "engine = auto\n", "/srv/ca", "/srv/ca");
	expect_with_engine("ese", "log_dir = /l\n", "/l", "/srv/ca");
	expect_with_engine("ese", "system_dir = /s\n", "/srv/ca", "/s");
	expect_with_engine("ese", "log_dir = /l\nsystem_dir = /s\n", "/l", "/s");
	expect_with_engine("flat", "", NULL, NULL);
	expect_with_engine("sqlite", "log_dir = /l\n", "/l", NULL);
	expect_with_engine("ese", "engine = flat\n", NULL, NULL);
}
END_TEST

/* What a directory called NAME.d with one file called NAME in it says to `auto`. */
START_TEST(without_an_engine_the_names_in_the_directory_tell)
{
	static const struct {
		const char *name;
		bool environment;
	} cases[] = {
		{"log.0000000001", true},
		{"__db.001", true},
		{"DB_CONFIG", true},
		{"log.000000001", false},
		{"log.00000000011", false},
		{"log.000000000x", false},
		{"__db.002", false},
		{"data.mdb", false},
	};
	char *home = support_path(dir, "home");
	char *file = support_path(home, cases[_i].name);
	char store[256];

	(void)snprintf(store, sizeof(store), "database = %s\n", home);
	expect_log_dir(store, NULL); /* it is not there */
	ck_assert_int_eq(mkdir(home, 0700), 0);
	expect_log_dir(store, NULL);
	support_write(file, "");
	expect_log_dir(store, cases[_i].environment ? home : NULL);
	(void)snprintf(store, sizeof(store), "database = %s\ndatabase = /srv/x\n", home);
	expect_log_dir(store, NULL);
	free(home);
	free(file);
}
END_TEST

START_TEST(every_engine_may_be_configured)
{
	static const char *const engines[] = {
		"auto", "flat", "sqlite", "bdb", "lmdb", "tdb", "ese"};
	char text[256];

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		struct server *s;

		(void)snprintf(text, sizeof(text), MINIMAL "engine = %s\n", engines[i]);
		s = load_good(text);
		ck_assert_str_eq(s->store.engine, engines[i]);
		server_free(s);
	}
}
END_TEST

START_TEST(each_way_to_reach_a_service_is_read)
{
	struct server *s = load_good(MINIMAL "[service]\nunit = slapd@x.service\n");

	ck_assert(s->has_service);
	ck_assert_str_eq(s->service.unit, "slapd@x.service");
	ck_assert_uint_eq(s->service.timeout_seconds, 90);
	server_free(s);

	s = load_good(MINIMAL "[service]\npidfile = /run//x.pid\nprogram = /usr/sbin/x\n"
			      "start = /usr/sbin/x -d\ntimeout = 5\n");
	ck_assert(s->has_service);
	ck_assert_str_eq(s->service.pidfile, "/run/x.pid");
	ck_assert_str_eq(s->service.program, "/usr/sbin/x");
	ck_assert_str_eq(s->service.start, "/usr/sbin/x -d");
	ck_assert_uint_eq(s->service.timeout_seconds, 5);
	server_free(s);

	s = load_good(MINIMAL "[service]\nstart = /bin/a \"x y\"\nstop = \"/bin/b c\" d\n"
			      "suspend = /bin/c\nresume = /bin/d\nstatus = /bin/e\n");
	ck_assert_str_eq(s->service.start, "/bin/a \"x y\"");
	ck_assert_str_eq(s->service.stop, "\"/bin/b c\" d");
	ck_assert_str_eq(s->service.suspend, "/bin/c");
	ck_assert_str_eq(s->service.resume, "/bin/d");
	ck_assert_str_eq(s->service.status, "/bin/e");
	server_free(s);
}
END_TEST

START_TEST(unknown_sections_and_keys_are_named_with_their_line)
{
	assert_refused("[servr]\nname = x\n", ":1: [servr]: no such section");
	assert_refused(MINIMAL "[sevice]\n", ":6: [sevice]: no such section");
	assert_refused(
		MINIMAL "[service]\n", ": [service] needs unit, or pidfile and program");
	assert_refused("name = x\n", ":1: [] name: stands before the first section");
	assert_refused(MINIMAL "databse = /x\n", ":6: [store] databse: no such key");
	assert_refused(
		SERVER "unit = x.service\n" STORE, ":4: [server] unit: no such key");
}
END_TEST

static const struct {
	const char *text;
	const char *detail;
} refusals[] = {
	{"[server]\nfamily = ds\n" STORE, ": no name in [server]"},
	{"[server]\nname = x\n" STORE, ": no family in [server]"},
	{SERVER, ": no database in [store]"},
	{SERVER "[store]\nengine = bdb\ndatabase = /a\ndatabase = /b\n",
		": [store] engine bdb takes one directory"},
	{SERVER "[store]\ndatabase = /a*\nengine = lmdb\n",
		": [store] engine lmdb takes one directory"},
	{SERVER "[store]\ndatabase = /a\ndatabase = /a\nengine = tdb\n",
		": [store] engine tdb takes one directory"},
	{"", ": no name in [server]"},
	{SERVER "name = ca02\n" STORE, ":4: [server] name: given twice"},
	{MINIMAL "engine = flat\nengine = flat\n", ":7: [store] engine: given twice"},
	{SERVER "family = certsrv\n" STORE, ":4: [server] family: given twice"},
	{SERVER "family = Ds\n" STORE, ":4: [server] family: neither"},
	{SERVER "alias =\n" STORE, ":4: [server] alias: has no value"},
	{SERVER "alias = a_b\n" STORE, ":4: [server] alias: only letters"},
	{"[server]\nname = a_b\n", ":2: [server] name: only letters"},
	{"[server]\nname = ..\n", ":2: [server] name: only letters"},
	{"[server]\nname = a/b\n", ":2: [server] name: only letters"},
	{"[server]\nname = -a\n", ":2: [server] name: only letters"},
	{"[server]\nname = b\xc3\xbc\n", ":2: [server] name: only letters"},
	{SERVER "host = a b\n" STORE, ":4: [server] host: only letters"},
	{SERVER "authority = a\\b\n" STORE, ":4: [server] authority: has a separator"},
	{SERVER "authority = a/b\n" STORE, ":4: [server] authority: has a separator"},
	{"[server]\nname = x\nfamily = ds\nauthority = a\n" STORE,
		": [server] authority"},
	{SERVER "state_dir = var/lib\n" STORE, ":4: [server] state_dir: not an absolute"},
	{SERVER "state_dir = /var/../x\n" STORE, ":4: [server] state_dir: has a . or .."},
	{SERVER "names = UNC\n" STORE, ":4: [server] names: neither unc nor posix"},
	{SERVER "share = x\n" STORE, ":4: [server] share: not of the form"},
	{SERVER "share = =/x\n" STORE, ":4: [server] share: no name of a share"},
	{SERVER "share = a/b=/x\n" STORE, ":4: [server] share: no name of a share"},
	{SERVER "share = a\\b=/x\n" STORE, ":4: [server] share: no name of a share"},
	{SERVER "share = Posix$=/x\n" STORE, ":4: [server] share: posix$ is"},
	{SERVER "share = a=x\n" STORE, ":4: [server] share: not an absolute"},
	{SERVER "share = a=/x\nshare = A=/y\n" STORE, ":5: [server] share: a share of"},
	{MINIMAL "engine = oracle\n", ":6: [store] engine: none of"},
	{SERVER "[store]\ndatabase = x\n", ":5: [store] database: not an absolute"},
	{SERVER "[store]\ndatabase = /./x\n", ":5: [store] database: has a . or .."},
	{SERVER "[store]\ndatabase = /a/../*.db\n",
		":5: [store] database: has a . or .."},
	{SERVER "[store]\ndatabase = *.db\n", ":5: [store] database: not an absolute"},
	{MINIMAL "dynamic = x\n", ":6: [store] dynamic: not an absolute"},
	{MINIMAL "log_dir = /x/..\n", ":6: [store] log_dir: has a . or .."},
	{MINIMAL "log_base = ed\n", ":6: [store] log_base: not a base name"},
	{MINIMAL "log_base = e/b\n", ":6: [store] log_base: not a base name"},
	{MINIMAL "verify = yes\n", ":6: [store] verify: neither fail nor report"},
	{MINIMAL "compact = 1\n", ":6: [store] compact: neither yes nor no"},
	{MINIMAL "tombstone_days = 0\n", ":6: [store] tombstone_days: must not be 0"},
	{MINIMAL "tombstone_days = -1\n", ":6: [store] tombstone_days: not a whole"},
	{MINIMAL "tombstone_days = 1x\n", ":6: [store] tombstone_days: not a whole"},
	{MINIMAL "tombstone_days = 36501\n", ":6: [store] tombstone_days: too large"},
	{MINIMAL "tombstone_days = 4294967476\n",
		":6: [store] tombstone_days: too large"},
	{MINIMAL "[service]\ntimeout = 10\n", ": [service] needs unit"},
	{MINIMAL "[service]\nunit = -x\n", ":7: [service] unit: not the name"},
	{MINIMAL "[service]\nunit = a/b.service\n", ":7: [service] unit: not the name"},
	{MINIMAL "[service]\nunit = a.service b\n", ":7: [service] unit: not the name"},
	{MINIMAL "[service]\nunit = x\npidfile = /p\nprogram = /q\n",
		": [service] unit goes"},
	{MINIMAL "[service]\nunit = x\nprogram = /q\n", ": [service] unit goes"},
	{MINIMAL "[service]\nunit = x\nstop = /q\n", ": [service] unit goes"},
	{MINIMAL "[service]\npidfile = /p\n", ": [service] pidfile needs program"},
	{MINIMAL "[service]\nprogram = /p\n", ": [service] program belongs"},
	{MINIMAL "[service]\npidfile = /p\nprogram = /q\nstatus = /s\n",
		": [service] has both"},
	{MINIMAL "[service]\nstart = /p\nstop = /q\n", ": [service] needs unit"},
	{MINIMAL "[service]\nstart = /p\nstop = /q\nstatus = /s\nsuspend = /t\n",
		": [service] suspend and resume"},
	{MINIMAL "[service]\nstart = true\n",
		":7: [service] start: not the absolute path"},
	{MINIMAL "[service]\nstart = /bin/x \"y\n",
		":7: [service] start: not the absolute path"},
	{MINIMAL "[service]\ntimeout = 86401\n", ":7: [service] timeout: too large"},
	{MINIMAL "nonsense\n", ":6: "},
	{"[server\nname = x\n", ":1: "},
};

START_TEST(what_does_not_fit_is_refused_with_its_reason)
{
	assert_refused(refusals[_i].text, refusals[_i].detail);
}
END_TEST

START_TEST(names_may_have_255_characters_and_no_more)
{
	char text[600], name[257];
	struct server *s;

	memset(name, 'a', sizeof(name) - 1);
	name[255] = '\0';
	(void)snprintf(text, sizeof(text), "[server]\nname=%s\nfamily=ds\n" STORE, name);
	s = load_good(text);
	ck_assert_str_eq(s->name, name);
	server_free(s);
	name[255] = 'a';
	name[256] = '\0';
	(void)snprintf(text, sizeof(text), "[server]\nname=%s\nfamily=ds\n" STORE, name);
	assert_refused(text, ":2: [server] name: only letters");
}
END_TEST

START_TEST(the_first_mistake_is_reported)
{
	assert_refused(
		"[server]\nnme = x\nname = a_b\n[what]\nx = y\n", ":2: [server] nme");
}
END_TEST

START_TEST(a_broken_file_still_tells_its_name)
{
	struct server s;

	support_write(path, "[server]\nnme = x\nname = ca77\nalias = other\n");
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(config_read(dirfd_, dir, "ca01.conf", &s), BAD);
	ck_assert_str_eq(s.name, "ca77");
	ck_assert_uint_eq(s.aliases.count, 1);
	ck_assert_str_eq(s.aliases.items[0], "other");
	{
		struct server *copy = malloc(sizeof(*copy));

		ck_assert_ptr_nonnull(copy);
		*copy = s;
		server_free(copy);
	}
}
END_TEST

START_TEST(NULL_may_be_freed)
{
	server_free(NULL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, defaults_are_those_of_the_manual);
	tcase_add_test(t, every_key_of_server_is_read);
	tcase_add_test(t, every_key_of_store_is_read);
	tcase_add_test(t, logs_are_where_the_engine_keeps_them);
	tcase_add_test(t, what_auto_turns_out_to_be_tells_where_logs_are);
	tcase_add_loop_test(t, without_an_engine_the_names_in_the_directory_tell, 0, 8);
	tcase_add_test(t, every_engine_may_be_configured);
	tcase_add_test(t, each_way_to_reach_a_service_is_read);
	tcase_add_test(t, unknown_sections_and_keys_are_named_with_their_line);
	tcase_add_loop_test(t, what_does_not_fit_is_refused_with_its_reason, 0,
		(int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(t, names_may_have_255_characters_and_no_more);
	tcase_add_test(t, the_first_mistake_is_reported);
	tcase_add_test(t, a_broken_file_still_tells_its_name);
	tcase_add_test(t, NULL_may_be_freed);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
