#include "support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tmpdir {
	struct tmpdir *next;
	pid_t owner;
	char *path;
};

static struct tmpdir *tmpdirs;

/* Check ends a test after 4 seconds unless it is told otherwise: a machine that is busy with
 * other things takes longer for nearly nothing. Read when a test case is made. */
__attribute__((constructor)) static void be_patient(void)
{
	(void)setenv("CK_DEFAULT_TIMEOUT", "100", 0);
}

static int remove_entry(
	const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)walk;
	if (type == FTW_DNR)
		(void)chmod(path, 0700);
	(void)remove(path);
	return 0;
}

static void remove_tmpdirs(void)
{
	for (const struct tmpdir *t = tmpdirs; t; t = t->next)
		if (t->owner == getpid())
			(void)nftw(t->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	while (tmpdirs) {
		struct tmpdir *next = tmpdirs->next;

		free(tmpdirs->path);
		free(tmpdirs);
		tmpdirs = next;
	}
}

int support_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failures;

	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

char *support_tmpdir(void)
{
	const char *base = getenv("TMPDIR");
	struct tmpdir *t = calloc(1, sizeof(*t));
	char path[4096];

	ck_assert_ptr_nonnull(t);
	(void)snprintf(
		path, sizeof(path), "%s/backupapi-test-XXXXXX", base ? base : "/tmp");
	ck_assert_msg(mkdtemp(path) != NULL, "cannot make %s", path);
	t->path = strdup(path);
	t->owner = getpid();
	t->next = tmpdirs;
	if (!tmpdirs)
		ck_assert_int_eq(atexit(remove_tmpdirs), 0);
	tmpdirs = t;
	ck_assert_ptr_nonnull(t->path);
	return t->path;
}

void support_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_msg(f != NULL, "cannot create %s", path);
	ck_assert_msg(fputs(text, f) >= 0, "cannot write %s", path);
	ck_assert_msg(fclose(f) == 0, "cannot write %s", path);
}

char *support_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;
	ssize_t length;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	length = getdelim(&text, &capacity, -1, f);
	(void)fclose(f);
	if (length < 0) {
		free(text);
		text = strdup("");
	}
	ck_assert_ptr_nonnull(text);
	return text;
}

bool support_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool support_lacks(const char *ability)
{
	const char *at = getenv("BACKUPAPI_TEST_LACKS");
	const size_t length = strlen(ability);

	for (; at && *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == length && strncmp(at, ability, length) == 0) {
			(void)fprintf(stderr, "left out: no %s here\n", ability);
			return true;
		}
		at += word;
	}
	return false;
}

bool support_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

char *support_path(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = malloc(size);

	ck_assert_ptr_nonnull(path);
	(void)snprintf(path, size, "%s/%s", dir, name);
	return path;
}
