#include "user_store.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/staging.h"

struct store *store;
char *victims;

const char *const whole[] = {
	"index.txt", "newcerts/01.pem", "newcerts/02.pem", "serial", NULL};

void give(const char *name, uid_t owner)
{
	ck_assert_int_eq(lchown(store_path(store, name), owner, owner), 0);
}

void configure(const char *more)
{
	char extra[9000];

	(void)snprintf(extra, sizeof(extra),
		"%s[service]\nstart = /bin/touch %s/running\nstop = /bin/rm -f "
		"%s/running\n"
		"status = /bin/sh -c \"test -e %s/running || exit 3\"\n",
		more, store->dir, store->dir, store->dir);
	store_configure(store, extra);
}

void user_store_setup(void)
{
	char *victim;

	store = store_make(STORE_FLAT, NULL);
	configure("");
	ck_assert_int_eq(chmod(store->dir, 0755), 0);
	victims = support_path(store->dir, "victims");
	ck_assert_int_eq(mkdir(victims, 0755), 0);
	victim = support_path(victims, "01.pem");
	support_write(victim, "of root\n");
	free(victim);
	give("", USER);
	give("newcerts", USER);
	for (size_t i = 0; whole[i]; i++)
		give(whole[i], USER);
	store_let_age();
}

void expect_victim_untouched(void)
{
	char *victim = support_path(victims, "01.pem"), *text = support_read(victim);
	char *staged = support_path(victims, STAGING_DIR);

	ck_assert_str_eq(text, "of root\n");
	ck_assert(!support_exists(staged));
	free(victim);
	free(text);
	free(staged);
}

void user_store_teardown(void)
{
	expect_victim_untouched();
	free(victims);
	store_free(store);
}

void as_user(uid_t user, void (*call)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ||
			setresuid(user, user, user) < 0)
			_exit(1);
		call();
		_exit(42);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
}

void must(status rc, status expected, const char *what)
{
	if (rc == expected)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, status_name(rc), status_pending());
	_exit(1);
}

status register_through_file(struct restore *r, const char *const *names)
{
	const char *paths[16];
	struct restore_request q = {.map_given = true,
		.old_names = paths,
		.new_names = paths,
		.through_file = true};

	for (; names[q.map_count]; q.map_count++)
		paths[q.map_count] = store_path(store, names[q.map_count]);
	return restore_register(r, &q);
}

struct restore *prepare(void)
{
	struct restore *r;

	must(restore_prepare(store_server(), FAMILY_CERTSRV, true, &r), STATUS_OK,
		"prepare");
	return r;
}

void user_restores(void)
{
	struct restore *r = prepare();

	must(register_through_file(r, whole), STATUS_OK, "register");
	store_stage(store, "newcerts/01.pem", "the user's\n");
	must(restore_complete(r, STATUS_OK), STATUS_OK, "complete");
	restore_end(r);
}
