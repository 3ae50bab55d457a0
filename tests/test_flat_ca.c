#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/flat.h"
#include "engine/flat_ca.h"
#include "support.h"

/* ---- states made by hand ---- */

struct made {
	const char *path;
	const char *content;
};

static status read_made(void *context, size_t file, uint64_t offset, void *buffer,
	size_t size, size_t *got)
{
	const char *content = ((const struct made *)context)[file].content;
	size_t length = strlen(content);

	*got = 0;
	if (offset >= length)
		return STATUS_OK;
	*got = length - offset < size ? (size_t)(length - offset) : size;
	memcpy(buffer, content + offset, *got);
	return STATUS_OK;
}

/* FILES are sorted by path. */
static status check_made(const struct made *files, size_t count)
{
	const struct flat_ca_source source = {(void *)(uintptr_t)files, read_made};
	struct names paths = {0};
	status rc;

	for (size_t i = 0; i < count; i++) {
		ck_assert(i == 0 || strcmp(files[i - 1].path, files[i].path) < 0);
		ck_assert_int_eq(names_add(&paths, files[i].path), STATUS_OK);
	}
	status_begin();
	rc = flat_ca_check(&paths, &source, NULL);
	names_free(&paths);
	return rc;
}

#define EXPECT(code, ...)                                                                \
	do {                                                                             \
		static const struct made files[] = {__VA_ARGS__};                        \
		status rc = check_made(files, sizeof(files) / sizeof(files[0]));         \
		ck_assert_msg(                                                           \
			rc == (code), "%s: %s", status_name(rc), status_pending());      \
	} while (0)

#define RECORD(serial) "V\t301222043143Z\t\t" serial "\tunknown\t/CN=a\n"

/* Version 1, until 2021-02-03. */
#define EXPIRED                                                                          \
	"-----BEGIN CERTIFICATE-----\n"                                                  \
	"MIIBBjCBrAIBEDAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDAR0ZXN0MB4XDTIwMDEw\n"             \
	"MTAwMDAwMFoXDTIxMDIwMzA0MDUwNlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqG\n"             \
	"SM49AgEGCCqGSM49AwEHA0IABAAUdx1KvbMiXqPI5gD7itJNjctqBPyMuCWD3AzU\n"             \
	"eFlrJiJGTnrFBQmbiaadad2fFgMLurcdFNMyb07dR9t+lZswCgYIKoZIzj0EAwID\n"             \
	"SQAwRgIhALpPkS8yaTV/sY+1Wd3W4Kq5whBvnJedql371Fw684bOAiEAkebQNhlS\n"             \
	"J4qO8LEAtorLdFpNQlq2d1egVmczsvX5+Xc=\n"                                         \
	"-----END CERTIFICATE-----\n"

START_TEST(a_usual_directory_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/crlnumber", "1000\n"},
		{"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/index.txt.attr", "unique_subject = no\n"},
		{"/ca/index.txt.old", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/newcerts/02.pem", "two"}, {"/ca/serial", "03\n"},
		{"/ca/serial.old", "02\n"});
}
END_TEST

START_TEST(a_new_directory_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/serial", "1000\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/serial", "00\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", ""});
}
END_TEST

START_TEST(files_of_other_kinds_are_not_looked_at)
{
	EXPECT(STATUS_OK, {"/a/serial", "not a number"}, {"/a/text", "V\tis a letter\n"},
		{"/a/x.pem", ""});
}
END_TEST

START_TEST(an_index_that_is_older_than_the_serial_file_is_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/newcerts/02.pem", "two"},
		{"/ca/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", ""},
		{"/ca/newcerts/FF.pem", "one"}, {"/ca/serial", "0100\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/certs_by_serial/0FFF.pem", "one"},
		{"/ca/index.txt", ""}, {"/ca/serial", "1000\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/out/01.pem", "one"}, {"/ca/out/02.pem", "two"},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(an_index_that_is_newer_than_the_serial_file_is_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/serial", "02\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("0A") RECORD("0B")},
		{"/ca/serial", "0a\n"});
}
END_TEST

START_TEST(files_between_two_renames_are_refused)
{
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/newcerts/02.pem", "two"},
		{"/ca/serial.old", "02\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt.old", RECORD("01")},
		{"/ca/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt.attr", "unique_subject = no\n"},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(damaged_files_are_refused)
{
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", "nonsense\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01") RECORD("01")});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")}, {"/ca/serial", ""});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "xyz\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "2\n"});
	EXPECT(hrDatabaseCorrupted, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "02xx\n"});
}
END_TEST

START_TEST(an_index_by_another_name_is_known_by_its_content)
{
	EXPECT(hrDatabaseCorrupted, {"/ca/database", RECORD("01") "nonsense\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/database", RECORD("01")},
		{"/ca/serial", "01\n"});
}
END_TEST

START_TEST(former_states_beside_the_index_are_not_checked)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")},
		{"/ca/index.txt.old", RECORD("01") RECORD("01") "nonsense"},
		{"/ca/serial", "02\n"}, {"/ca/serial.old", ""});
}
END_TEST

START_TEST(certificate_files_that_were_deleted_are_not_missed)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("02") RECORD("03")},
		{"/ca/newcerts/02.pem", "two"}, {"/ca/serial", "04\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("02")},
		{"/ca/serial", "03\n"});
}
END_TEST

START_TEST(a_certificate_file_of_an_aborted_run_is_accepted)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/newcerts/02.pem", "never given away"}, {"/ca/serial", "02\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "random"},
		{"/ca/serial", "02\n"});
}
END_TEST

START_TEST(random_serial_numbers_are_accepted)
{
	EXPECT(STATUS_OK,
		{"/ca/index.txt",
			RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1")
				RECORD("01D1C1052E202B4265E5C95098CF1461FB2BACB1")},
		{"/ca/newcerts/01D1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "two"},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "one"},
		{"/ca/serial", "01D1C1052E202B4265E5C95098CF1461FB2BACB2\n"});
	EXPECT(STATUS_OK,
		{"/ca/index.txt", RECORD("0DD1C1052E202B4265E5C95098CF1461FB2BACB1")},
		{"/ca/newcerts/0DD1C1052E202B4265E5C95098CF1461FB2BACB1.pem", "one"});
}
END_TEST

START_TEST(imported_records_may_have_any_number)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01") RECORD("7FFF") RECORD("00")},
		{"/ca/newcerts/01.pem", "one"}, {"/ca/serial", "02\n"});
}
END_TEST

START_TEST(an_expired_certificate_may_have_been_tidied_out_of_the_index)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", ""}, {"/ca/newcerts/0F.pem", "old"},
		{"/ca/newcerts/10.pem", EXPIRED}, {"/ca/serial", "11\n"});
}
END_TEST

START_TEST(certificates_that_are_kept_elsewhere_say_nothing)
{
	EXPECT(STATUS_OK, {"/ca/certs/02.pem", "made by openssl x509"},
		{"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/serial", "03\n"});
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/serial", "03\n"},
		{"/other/newcerts/02.pem", "another CA's"});
}
END_TEST

START_TEST(each_of_several_directories_is_checked_by_itself)
{
	EXPECT(STATUS_OK, {"/ca/index.txt", RECORD("01")}, {"/ca/newcerts/01.pem", "one"},
		{"/ca/serial", "03\n"}, {"/ca/sub/index.txt", RECORD("02")},
		{"/ca/sub/newcerts/02.pem", "the other's"}, {"/ca/sub/serial", "03\n"});
	EXPECT(hrDatabaseInconsistent, {"/ca/index.txt", RECORD("01")},
		{"/ca/serial", "02\n"}, {"/ca/sub/index.txt", ""},
		{"/ca/sub/newcerts/02.pem", "two"}, {"/ca/sub/serial", "03\n"});
}
END_TEST

START_TEST(the_number_of_indexes_is_told)
{
	static const struct made files[] = {{"/a/index.txt", ""},
		{"/b/database", RECORD("01")}, {"/b/serial", "02\n"}};
	const struct flat_ca_source source = {(void *)(uintptr_t)files, read_made};
	struct names paths = {0};
	size_t indexes = 9;

	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(names_add(&paths, files[i].path), STATUS_OK);
	ck_assert_int_eq(flat_ca_check(&paths, &source, &indexes), STATUS_OK);
	ck_assert_uint_eq(indexes, 2);
	names_free(&paths);
}
END_TEST

/* ---- states that a real openssl ca leaves when it is killed ---- */

static char *dir;

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In a shell, in the private directory; its exit status, or 128 + signal. */
static int run(const char *format, ...)
{
	char command[2048];
	va_list args;
	int length = snprintf(command, sizeof(command), "cd '%s' && { ", dir), rc;

	va_start(args, format);
	length += vsnprintf(
		command + length, sizeof(command) - (size_t)length, format, args);
	va_end(args);
	ck_assert_int_lt(length, (int)sizeof(command) - 32);
	(void)strcat(command, "\n} >/dev/null 2>&1");
	rc = system(command); /* NOLINT: constant commands */
	ck_assert(WIFEXITED(rc));
	return WEXITSTATUS(rc);
}

static const char ca_cnf[] =
	"[ca]\ndefault_ca = d\n[d]\ndatabase = ./index.txt\n"
	"serial = ./serial\ncrlnumber = ./crlnumber\n"
	"new_certs_dir = ./newcerts\ncertificate = ./ca.pem\n"
	"private_key = ./ca.key\ndefault_md = sha256\ndefault_days = 30\n"
	"default_crl_days = 30\nunique_subject = no\npolicy = p\n"
	"[p]\ncommonName = supplied\n";

/* In the private directory, `before`: two certificates, one of them revoked. */
static void make_ca(void)
{
	char *config;

	dir = support_tmpdir();
	ck_assert_int_eq(run("mkdir -p before/newcerts"), 0);
	config = support_path(dir, "before/ca.cnf");
	support_write(config, ca_cnf);
	free(config);
	ck_assert_int_eq(
		run("cd before && : > index.txt && echo 01 > serial && "
		    "echo 1000 > crlnumber && "
		    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
		    "-nodes -keyout ca.key -out ca.pem -subj /CN=root -days 30 && "
		    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		    "-keyout key.pem -out req.csr -subj /CN=leaf && "
		    "openssl ca -config ca.cnf -batch -in req.csr -out /dev/null && "
		    "openssl ca -config ca.cnf -batch -in req.csr -out /dev/null && "
		    "openssl ca -config ca.cnf -revoke newcerts/01.pem && "
		    "openssl ca -config ca.cnf -gencrl -out crl.pem"),
		0);
}

/* How the store is configured: each file by name, or all that is there. */
enum listing { BY_NAME, BY_GLOB };

static void list_store(const char *tree, enum listing listing, struct names *patterns)
{
	static const char *const by_name[] = {"index.txt", "index.txt.attr", "serial",
		"crlnumber", "newcerts/*.pem", NULL};
	static const char *const by_glob[] = {"*", "newcerts/*", NULL};
	const char *const *names = listing == BY_NAME ? by_name : by_glob;

	for (size_t i = 0; names[i]; i++) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s/%s/%s", dir, tree, names[i]);
		ck_assert_int_eq(names_add(patterns, path), STATUS_OK);
	}
}

enum outcome { ACCEPTED = 40, BUSY, MISSING, INCONSISTENT, OTHER };

static enum outcome try_backup(const char *tree, enum listing listing)
{
	struct store_config store = {.spool_dir = dir};
	const struct engine_begin full = {0};
	struct engine_session *session;
	status rc;

	list_store(tree, listing, &store.databases);
	rc = engine_flat.begin(&engine_flat, &store, &full, &session);
	engine_flat.end(session);
	names_free(&store.databases);
	switch (rc) {
	case STATUS_OK:
		return ACCEPTED;
	case STATUS_WIN32(ERROR_BUSY):
		return BUSY;
	case STATUS_WIN32(ERROR_FILE_NOT_FOUND):
		return MISSING;
	case hrDatabaseInconsistent:
		return INCONSISTENT;
	default:
		return OTHER;
	}
}

/* Refusals take seconds of waiting each: all are tried at once, in children. */
struct trial {
	char tree[32];
	enum listing listing;
	bool tidied;
	enum outcome wanted;
	pid_t pid;
};
static struct trial trials[128];
static size_t trial_count;

static void start_trial(
	const char *tree, enum listing listing, bool tidied, enum outcome wanted)
{
	struct trial *t = &trials[trial_count++];

	ck_assert_uint_lt(trial_count, sizeof(trials) / sizeof(trials[0]));
	*t = (struct trial){.listing = listing, .tidied = tidied, .wanted = wanted};
	(void)snprintf(t->tree, sizeof(t->tree), "%s", tree);
	ck_assert_int_ge(t->pid = fork(), 0);
	if (t->pid == 0)
		_exit((int)try_backup(tree, listing));
}

static void finish_trials(void)
{
	for (size_t i = 0; i < trial_count; i++) {
		const struct trial *t = &trials[i];
		int end;

		ck_assert_int_eq(waitpid(t->pid, &end, 0), t->pid);
		ck_assert(WIFEXITED(end));
		ck_assert_msg(WEXITSTATUS(end) == (int)t->wanted,
			"%s, %s%s: outcome %d instead of %d", t->tree,
			t->listing == BY_NAME ? "by name" : "by glob",
			t->tidied ? ", without its new files" : "", WEXITSTATUS(end),
			(int)t->wanted);
	}
	trial_count = 0;
}

/* One openssl command, and what is wanted of the states ahead of each of its renames. */
struct run {
	const char *name, *arguments;
	int renames;
	/* after *.new were tidied away */
	enum outcome tidied_by_name[6], tidied_by_glob[6];
};

static const struct run runs[] = {
	{
		"issue",
		"-batch -in req.csr -out /dev/null",
		6,
		/* nothing renamed: as before, and a file for a number not yet given away;
		 * serial away; serial new; index.txt away; both new; index.txt.attr away
		 */
		{ACCEPTED, MISSING, INCONSISTENT, MISSING, ACCEPTED, MISSING},
		{ACCEPTED, INCONSISTENT, INCONSISTENT, INCONSISTENT, ACCEPTED, ACCEPTED},
	},
	{
		"two",
		"-batch -out /dev/null -infiles req.csr req.csr",
		6,
		{ACCEPTED, MISSING, INCONSISTENT, MISSING, ACCEPTED, MISSING},
		{ACCEPTED, INCONSISTENT, INCONSISTENT, INCONSISTENT, ACCEPTED, ACCEPTED},
	},
	{
		"random",
		"-batch -rand_serial -notext -in req.csr -out /dev/null",
		6,
		/* serial away: the same as a number drawn by an aborted run */
		{ACCEPTED, MISSING, INCONSISTENT, MISSING, ACCEPTED, MISSING},
		{ACCEPTED, ACCEPTED, INCONSISTENT, INCONSISTENT, ACCEPTED, ACCEPTED},
	},
	{
		"revoke",
		"-revoke newcerts/02.pem",
		4,
		{ACCEPTED, MISSING, ACCEPTED, MISSING},
		{ACCEPTED, INCONSISTENT, ACCEPTED, ACCEPTED},
	},
	{
		"gencrl",
		"-gencrl -out crl.pem",
		2,
		{ACCEPTED, MISSING},
		{ACCEPTED, ACCEPTED},
	},
};

/* A copy of `before` in which the command was killed ahead of its rename number AT. */
static void interrupt(const struct run *r, int at, const char *tree)
{
	ck_assert_int_eq(run("cp -a before %s", tree), 0);
	ck_assert_int_eq(run("cd %s && CA_INTERRUPT_AT=%d LD_PRELOAD='" CA_INTERRUPT
			     "' openssl ca -config ca.cnf %s",
				 tree, at, r->arguments),
		at <= r->renames ? 128 + 9 : 0);
}

static void try_interrupted(const struct run *r, int at)
{
	char tree[32];
	bool last_missing = r->tidied_by_name[at - 1] == MISSING;

	(void)snprintf(tree, sizeof(tree), "%s-%d", r->name, at);
	interrupt(r, at, tree);
	start_trial(tree, BY_NAME, false, last_missing ? MISSING : BUSY);
	start_trial(tree, BY_GLOB, false, BUSY);
	(void)snprintf(tree, sizeof(tree), "%s-%d-tidied", r->name, at);
	ck_assert_int_eq(
		run("cp -a %s-%d %s && rm %s/*.new", r->name, at, tree, tree), 0);
	start_trial(tree, BY_NAME, true, r->tidied_by_name[at - 1]);
	start_trial(tree, BY_GLOB, true, r->tidied_by_glob[at - 1]);
}

START_TEST(nothing_between_before_and_after_a_run_is_accepted)
{
	const struct run *r = &runs[_i];

	make_ca();
	for (int at = 1; at <= r->renames; at++)
		try_interrupted(r, at);
	interrupt(r, r->renames + 1, "after");
	start_trial("before", BY_NAME, false, ACCEPTED);
	start_trial("before", BY_GLOB, false, ACCEPTED);
	start_trial("after", BY_NAME, false, ACCEPTED);
	start_trial("after", BY_GLOB, false, ACCEPTED);
	finish_trials();
}
END_TEST

/* Every copy that is accepted while openssl works is a state to go on from. */
START_TEST(a_backup_beside_a_busy_openssl_is_one_state)
{
	pid_t writer;
	int accepted = 0;

	make_ca();
	ck_assert_int_ge(writer = fork(), 0);
	if (writer == 0) {
		for (int i = 0; i < 20; i++)
			if (run("cd before && openssl ca -config ca.cnf -batch -in "
				"req.csr "
				"-out /dev/null && sleep 0.08") != 0)
				_exit(1);
		_exit(0);
	}
	for (int end = 0; waitpid(writer, &end, WNOHANG) == 0;) {
		enum outcome outcome = try_backup("before", BY_NAME);

		ck_assert(outcome == ACCEPTED || outcome == BUSY);
		accepted += outcome == ACCEPTED;
	}
	ck_assert_int_gt(accepted, 0);
	ck_assert_int_eq(try_backup("before", BY_NAME), ACCEPTED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flat_ca");
	TCase *made = tcase_create("made"), *real = tcase_create("real");

	tcase_add_test(made, a_usual_directory_is_accepted);
	tcase_add_test(made, a_new_directory_is_accepted);
	tcase_add_test(made, files_of_other_kinds_are_not_looked_at);
	tcase_add_test(made, an_index_that_is_older_than_the_serial_file_is_refused);
	tcase_add_test(made, an_index_that_is_newer_than_the_serial_file_is_refused);
	tcase_add_test(made, files_between_two_renames_are_refused);
	tcase_add_test(made, damaged_files_are_refused);
	tcase_add_test(made, an_index_by_another_name_is_known_by_its_content);
	tcase_add_test(made, former_states_beside_the_index_are_not_checked);
	tcase_add_test(made, certificate_files_that_were_deleted_are_not_missed);
	tcase_add_test(made, a_certificate_file_of_an_aborted_run_is_accepted);
	tcase_add_test(made, random_serial_numbers_are_accepted);
	tcase_add_test(made, imported_records_may_have_any_number);
	tcase_add_test(
		made, an_expired_certificate_may_have_been_tidied_out_of_the_index);
	tcase_add_test(made, certificates_that_are_kept_elsewhere_say_nothing);
	tcase_add_test(made, each_of_several_directories_is_checked_by_itself);
	tcase_add_test(made, the_number_of_indexes_is_told);
	suite_add_tcase(suite, made);
	tcase_set_timeout(real, 120);
	tcase_add_loop_test(real, nothing_between_before_and_after_a_run_is_accepted, 0,
		sizeof(runs) / sizeof(runs[0]));
	tcase_add_test(real, a_backup_beside_a_busy_openssl_is_one_state);
	suite_add_tcase(suite, real);
	return support_run(suite);
}
