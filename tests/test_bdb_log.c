/* Log files that libdb wrote, whole and damaged. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bdb_store.h"
#include "engine/bdb_caller.h"
#include "engine/bdb_log.h"

static struct bdb_store store;
static struct engine_logs logs;

static void setup(void)
{
	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 1200);
	bdb_store_close(&store);
	ck_assert_int_eq(bdb_find_logs(NULL, store.data, &logs), STATUS_OK);
	ck_assert_uint_gt(logs.count, 4);
}

static void teardown(void)
{
	engine_logs_free(&logs);
	bdb_store_free(&store);
}

static void write_at(const char *path, uint64_t at, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, bytes, size, (off_t)at), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

static unsigned char byte_at(const char *path, uint64_t at)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
	ck_assert_int_eq(close(fd), 0);
	return byte;
}

static status shape_of(
	const struct engine_log *log, enum bdb_log_end end, struct bdb_log_shape *shape)
{
	int fd = open(log->path, O_RDONLY | O_CLOEXEC);
	status rc = bdb_log_check(fd, log->path, log->size, end, shape);

	ck_assert_int_eq(close(fd), 0);
	return rc;
}

static uint64_t end_of(const struct engine_log *log)
{
	struct bdb_log_shape shape;

	ck_assert_int_eq(shape_of(log, BDB_LOG_ZEROS, &shape), STATUS_OK);
	return shape.end;
}

START_TEST(logs_of_libdb_are_one_sequence)
{
	ck_assert_msg(bdb_check_logs(NULL, logs.items, logs.count) == STATUS_OK, "%s",
		status_pending());
}
END_TEST

START_TEST(every_flipped_byte_of_records_is_noticed)
{
	const struct engine_log *log = &logs.items[1];
	const uint64_t end = end_of(log);

	for (uint64_t at = 0; at < end; at += at < 400 ? 1 : 397) {
		const unsigned char was = byte_at(log->path, at), now = was ^ 0x40;

		write_at(log->path, at, &now, 1);
		ck_assert_msg(
			bdb_check_logs(NULL, logs.items, logs.count) == hrLogFileCorrupt,
			"byte %llu", (unsigned long long)at);
		bdb_assert_detail(log->path);
		write_at(log->path, at, &was, 1);
	}
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), STATUS_OK);
}
END_TEST

START_TEST(bytes_behind_the_records_of_a_complete_log_are_damage)
{
	const uint64_t end = end_of(&logs.items[1]);

	if (end == logs.items[1].size)
		return;
	write_at(logs.items[1].path, logs.items[1].size - 1, "x", 1);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
}
END_TEST

START_TEST(log_of_another_sequence_is_not_contiguous)
{
	/* Whole in itself, but it belongs elsewhere. */
	struct engine_log two[] = {logs.items[0], logs.items[2]};
	struct bdb_log_shape a, b;

	ck_assert_int_eq(shape_of(&logs.items[0], BDB_LOG_ZEROS, &a), STATUS_OK);
	ck_assert_int_eq(shape_of(&logs.items[2], BDB_LOG_ZEROS, &b), STATUS_OK);
	if (a.last == b.before)
		return; /* by chance of the same length */
	ck_assert_int_eq(bdb_check_logs(NULL, two, 2), hrGivenLogFileIsNotContiguous);
	bdb_assert_detail(logs.items[2].path);
}
END_TEST

START_TEST(log_that_was_cut_off_is_corrupt)
{
	const uint64_t end = end_of(&logs.items[1]);

	ck_assert_int_eq(truncate(logs.items[1].path, (off_t)end - 7), 0);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
	ck_assert_int_eq(truncate(logs.items[1].path, 5), 0);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
	ck_assert_int_eq(truncate(logs.items[1].path, 0), 0);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
}
END_TEST

START_TEST(what_is_no_log_has_a_bad_signature_or_is_corrupt)
{
	/* A first record that is whole, of another version. */
	uint32_t words[7] = {
		0, htole32(28), 0, htole32(0x040988), htole32(12), htole32(65536), 0};
	const unsigned char *bytes = (const unsigned char *)(words + 3);
	uint32_t sum = 0;

	for (int i = 0; i < 16; i++)
		sum = sum * 33 + bytes[i];
	words[2] = htole32(sum ^ 28);
	write_at(logs.items[0].path, 0, words, sizeof(words));
	ck_assert_int_eq(
		bdb_check_logs(NULL, logs.items, 1), hrGivenLogFileHasBadSignature);
	bdb_assert_detail("version 12");
	write_at(logs.items[0].path, 0, "no log at all, but text", 23);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, 1), hrLogFileCorrupt);
}
END_TEST

/* ---- the last one ---- */

START_TEST(torn_record_at_the_end_of_the_last_log_is_what_a_crash_leaves)
{
	const struct engine_log *last = &logs.items[logs.count - 1];
	struct bdb_log_shape shape;

	ck_assert_int_eq(shape_of(last, BDB_LOG_ZEROS, &shape), STATUS_OK);
	write_at(last->path, shape.last + 20, "torn", 4);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), STATUS_OK);
	ck_assert_int_eq(shape_of(last, BDB_LOG_ZEROS, &shape), hrLogFileCorrupt);
}
END_TEST

START_TEST(damage_amid_the_last_log_is_damage)
{
	const struct engine_log *last = &logs.items[logs.count - 1];

	write_at(last->path, 60, "damage", 6);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
	bdb_assert_detail(last->path);
}
END_TEST

static struct engine_log copy_part(
	const struct engine_log *log, uint64_t size, uint64_t told)
{
	struct engine_log part = {
		.generation = log->generation, .size = size, .part = true};
	char command[9000];

	ck_assert_int_gt(
		asprintf(&part.path, "%s.part-%llu", log->path, (unsigned long long)told),
		0);
	(void)snprintf(command, sizeof(command), "head -c %llu '%s' > '%s'",
		(unsigned long long)size, log->path, part.path);
	ck_assert_int_eq(system(command), 0);
	return part;
}

START_TEST(part_has_whole_records_to_its_last_byte)
{
	struct engine_log *last = &logs.items[logs.count - 1], was = *last;
	const uint64_t end = end_of(last);
	struct engine_log part = copy_part(last, end, end);

	*last = part;
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), STATUS_OK);
	*last = copy_part(&was, end - 1, end - 1);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
	free(last->path);
	*last = copy_part(&was, end, end + 1);
	ck_assert_int_eq(bdb_check_logs(NULL, logs.items, logs.count), hrLogFileCorrupt);
	bdb_assert_detail("what its name says");
	free(last->path);
	*last = was;
	free(part.path);
}
END_TEST

/* ---- copies of different age ---- */

static bool continues(const struct engine_log *shorter, const struct engine_log *longer)
{
	bool does;

	ck_assert_int_eq(bdb_log_continues(shorter, longer, &does), STATUS_OK);
	return does;
}

START_TEST(longer_copy_of_a_log_stands_for_the_shorter)
{
	const struct engine_log *log = &logs.items[1];
	struct engine_log part = copy_part(log, 40000, 40000);
	struct engine_log longer = copy_part(log, 50000, 50000);

	ck_assert(continues(&part, log));
	ck_assert(continues(&part, &longer));
	ck_assert(!continues(&longer, &part));
	ck_assert(!continues(&part, &logs.items[2]));
	write_at(longer.path, 39999, "x", 1);
	ck_assert(!continues(&part, &longer));
	free(part.path);
	free(longer.path);
}
END_TEST

START_TEST(zeros_at_the_end_of_a_live_log_are_still_to_be_written)
{
	/* The same log, later: of the same size from its beginning on. */
	const struct engine_log *last = &logs.items[logs.count - 1];
	char *copy = support_path(store.base, "log.0000009999"), command[9000];
	struct engine_log early = *last;
	uint64_t end = end_of(last), later;

	if (end == last->size)
		return;
	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", last->path, copy);
	ck_assert_int_eq(system(command), 0);
	early.path = copy;
	bdb_store_open(&store, 0);
	bdb_store_fill(&store, 1201, 1203);
	bdb_store_close(&store);
	later = end_of(last);
	ck_assert_uint_gt(later, end);
	ck_assert(continues(&early, last));
	ck_assert(!continues(last, &early));
	free(copy);
}
END_TEST

/* ---- names ---- */

static status collect(void *context, const char *name, bool opened)
{
	(void)opened;
	return names_add(context, name);
}

static struct names names_in_logs(void)
{
	struct names names = {0};

	engine_logs_free(&logs);
	ck_assert_int_eq(bdb_find_logs(NULL, store.data, &logs), STATUS_OK);
	for (size_t i = 0; i < logs.count; i++) {
		int fd = open(logs.items[i].path, O_RDONLY | O_CLOEXEC);
		status rc = bdb_log_names(
			fd, logs.items[i].path, logs.items[i].size, collect, &names);

		ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
		ck_assert_int_eq(close(fd), 0);
	}
	names_sort(&names);
	return names;
}

static bool is_known(const char *name)
{
	static const char *const known[] = {"sub/records.db", "made.db", "other.db"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	/* libdb's own, of transactions that make and remove them. */
	return strncmp(name, "__db.8", 6) == 0 || strncmp(name, "sub/8", 5) == 0;
}

/* Other records than those that name a file have what may look like a name. */
START_TEST(names_of_files_are_told_and_nothing_else)
{
	struct names names;
	DB *db;

	bdb_store_open(&store, 0);
	db = bdb_store_database(&store, "made.db", DB_BTREE, 0);
	ck_assert_int_eq(db->close(db, 0), 0);
	ck_assert_int_eq(store.env->dbrename(store.env, NULL, "made.db", NULL, "other.db",
				 DB_AUTO_COMMIT),
		0);
	ck_assert_int_eq(
		store.env->dbremove(store.env, NULL, "other.db", NULL, DB_AUTO_COMMIT),
		0);
	bdb_store_close(&store);
	names = names_in_logs();
	ck_assert(names_contains(&names, "sub/records.db"));
	ck_assert(names_contains(&names, "made.db"));
	ck_assert(names_contains(&names, "other.db"));
	for (size_t i = 0; i < names.count; i++)
		ck_assert_msg(is_known(names.items[i]), "'%s'", names.items[i]);
	names_free(&names);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_log");
	TCase *tcase = tcase_create("log");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, logs_of_libdb_are_one_sequence);
	tcase_add_test(tcase, every_flipped_byte_of_records_is_noticed);
	tcase_add_test(tcase, bytes_behind_the_records_of_a_complete_log_are_damage);
	tcase_add_test(tcase, log_of_another_sequence_is_not_contiguous);
	tcase_add_test(tcase, log_that_was_cut_off_is_corrupt);
	tcase_add_test(tcase, what_is_no_log_has_a_bad_signature_or_is_corrupt);
	tcase_add_test(
		tcase, torn_record_at_the_end_of_the_last_log_is_what_a_crash_leaves);
	tcase_add_test(tcase, damage_amid_the_last_log_is_damage);
	tcase_add_test(tcase, part_has_whole_records_to_its_last_byte);
	tcase_add_test(tcase, longer_copy_of_a_log_stands_for_the_shorter);
	tcase_add_test(tcase, zeros_at_the_end_of_a_live_log_are_still_to_be_written);
	tcase_add_test(tcase, names_of_files_are_told_and_nothing_else);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
