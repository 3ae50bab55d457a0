/* States that a real `openssl ca` leaves when it is killed between two renames. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/flat.h"
#include "support.h"

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
	Suite *suite = suite_create("flat_openssl");
	TCase *real = tcase_create("real");

	tcase_set_timeout(real, 120);
	tcase_add_loop_test(real, nothing_between_before_and_after_a_run_is_accepted, 0,
		sizeof(runs) / sizeof(runs[0]));
	tcase_add_test(real, a_backup_beside_a_busy_openssl_is_one_state);
	suite_add_tcase(suite, real);
	return support_run(suite);
}
