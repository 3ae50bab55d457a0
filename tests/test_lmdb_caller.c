/* What the calling process says of an LMDB store, without opening anything. */
#include "engine/lmdb_caller.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char *dir;
static struct store_config store;
static struct names databases, leftovers;

static void setup(void)
{
	dir = support_path(support_tmpdir(), "ldap");
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	store = (struct store_config){0};
	databases = leftovers = (struct names){0};
	ck_assert_int_eq(names_add(&store.databases, dir), STATUS_OK);
}

static void teardown(void)
{
	names_free(&store.databases);
	names_free(&databases);
	names_free(&leftovers);
	free(dir);
}

static void make(const char *name)
{
	char *path = support_path(dir, name);

	support_write(path, "");
	free(path);
}

static void assert_has(const struct names *list, size_t index, const char *name)
{
	char *path = support_path(dir, name);

	ck_assert_uint_gt(list->count, index);
	ck_assert_str_eq(list->items[index], path);
	free(path);
}

static void survey(void)
{
	ck_assert_int_eq(lmdb_survey(&store, &databases, &leftovers), STATUS_OK);
}

START_TEST(environment_is_its_data_and_its_lock_a_leftover)
{
	make("data.mdb");
	make("lock.mdb");
	make("DB_CONFIG.example");
	make("INFO.mdb");
	survey();
	ck_assert_uint_eq(databases.count, 2);
	assert_has(&databases, 0, "INFO.mdb");
	assert_has(&databases, 1, "data.mdb");
	ck_assert_uint_eq(leftovers.count, 1);
	assert_has(&leftovers, 0, "lock.mdb");
}
END_TEST

START_TEST(what_is_missing_is_not_there)
{
	survey();
	ck_assert_uint_eq(databases.count + leftovers.count, 0);
	ck_assert_int_eq(rmdir(dir), 0);
	survey();
	ck_assert_uint_eq(databases.count + leftovers.count, 0);
}
END_TEST

START_TEST(either_list_may_be_unwanted)
{
	make("data.mdb");
	make("lock.mdb");
	ck_assert_int_eq(lmdb_survey(&store, NULL, &leftovers), STATUS_OK);
	ck_assert_int_eq(lmdb_survey(&store, &databases, NULL), STATUS_OK);
	ck_assert_uint_eq(databases.count, 1);
	ck_assert_uint_eq(leftovers.count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lmdb_caller");
	TCase *tcase = tcase_create("lmdb_caller");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, environment_is_its_data_and_its_lock_a_leftover);
	tcase_add_test(tcase, what_is_missing_is_not_there);
	tcase_add_test(tcase, either_list_may_be_unwanted);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
