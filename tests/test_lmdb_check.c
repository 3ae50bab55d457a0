/* The check of LMDB files: it knows every kind of tree, finds what does not fit, and lets
 * nothing through on which LMDB would stumble. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/lmdb.h"
#include "engine/mdb_check.h"
#include "forked.h"
#include "lmdb_store.h"

enum {
	PAGE = 4096,
	HEAD = sizeof(
		struct lmdb_page), /* of each page; its first entry's offset is next */
	FLAGS = offsetof(struct lmdb_page, flags),
	BOUNDS = offsetof(struct lmdb_page, lower),
	DEFAULT_FLIPS = 1500
};

static struct hosted_store store;
static char *path;
static int fd;
static struct lmdb_meta meta;

static void setup(void)
{
	struct lmdb_meta metas[LMDB_METAS];

	hosted_make(&store, &lmdb_hosted_engine, "data.mdb");
	path = hosted_path(&store, "data.mdb");
	lmdb_make_rich(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lmdb_read_metas(fd, path, metas), STATUS_OK);
	meta = *lmdb_newest(metas);
}

static void teardown(void)
{
	(void)close(fd);
	free(path);
	hosted_free(&store);
}

static status check(void)
{
	return lmdb_check_file(&store.host, path);
}

static void read_at(off_t offset, void *data, size_t size)
{
	ck_assert_int_eq(pread(fd, data, size, offset), (ssize_t)size);
}

static void write_at(off_t offset, const void *data, size_t size)
{
	ck_assert_int_eq(pwrite(fd, data, size, offset), (ssize_t)size);
}

static void write_meta(void)
{
	write_at((off_t)(meta.txnid % 2 * PAGE) + HEAD, &meta, sizeof(meta));
}

/* The first page with FLAGS that the newest state may use. */
static off_t find_page(uint16_t flags)
{
	for (size_t page = LMDB_METAS; page <= meta.last_page; page++) {
		struct lmdb_page head;

		read_at((off_t)(page * PAGE), &head, sizeof(head));
		if ((head.flags & ~LMDB_DIRTY) == flags && head.number == page)
			return (off_t)(page * PAGE);
	}
	ck_abort_msg("no page with flags %u", flags);
	return 0;
}

static off_t root(void)
{
	return (off_t)(meta.main.root * PAGE);
}

static void assert_damaged(const char *said)
{
	status rc = check();

	ck_assert_msg(rc == hrDatabaseCorrupted, "%08x", (unsigned)rc);
	hosted_assert_detail("data.mdb");
	hosted_assert_detail(said);
}

/* ---- sound files ---- */

START_TEST(every_kind_of_tree_is_understood)
{
	status rc = check();

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_int_ge(find_page(LMDB_BRANCH), 0);
	ck_assert_int_ge(find_page(LMDB_LEAF | LMDB_LEAF2), 0);
	ck_assert_int_ge(find_page(LMDB_OVERFLOW), 0);
}
END_TEST

START_TEST(long_lists_of_free_pages_are_understood)
{
	char *large = hosted_path(&store, "large.mdb");
	MDB_env *env = lmdb_open(large, MDB_NOSUBDIR | MDB_NOSYNC, LMDB_MAP_SIZE);
	MDB_txn *txn;
	MDB_dbi dbi;

	lmdb_put(env, "junk", 0, 1, 4000, 4000, 3000);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, "junk", 0, &dbi), 0);
	ck_assert_int_eq(mdb_drop(txn, dbi, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	ck_assert_msg(
		lmdb_check_file(&store.host, large) == STATUS_OK, "%s", status_pending());
	free(large);
}
END_TEST

START_TEST(dead_caller_ends_the_check)
{
	store.looks_left = 1;
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CANCELLED));
}
END_TEST

/* ---- damage, each kind by its name ---- */

START_TEST(short_files_are_damaged)
{
	const off_t sizes[] = {0, 1, 100, HEAD + sizeof(meta) - 1, HEAD + sizeof(meta),
		PAGE, PAGE + 100, 2 * PAGE, 20 * PAGE};

	for (size_t i = sizeof(sizes) / sizeof(sizes[0]); i-- > 0;) {
		ck_assert_int_eq(ftruncate(fd, sizes[i]), 0);
		assert_damaged("data.mdb");
	}
}
END_TEST

START_TEST(page_that_is_another_one_is_damaged)
{
	size_t other = 77777;

	write_at(root(), &other, sizeof(other));
	assert_damaged("says that it is another page");
}
END_TEST

START_TEST(page_of_another_kind_is_damaged)
{
	const uint16_t flags[] = {0, LMDB_OVERFLOW, LMDB_META, LMDB_BRANCH | LMDB_LEAF};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		write_at(root() + FLAGS, &flags[i], sizeof(flags[i]));
		assert_damaged("not a page of a tree");
	}
}
END_TEST

START_TEST(wrong_bounds_are_damage)
{
	const uint16_t bounds[][2] = {{HEAD - 1, 4000}, {4000, 100}, {HEAD + 1, 4000},
		{HEAD + 4, PAGE + 1}, {HEAD / 2, 4000}};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		write_at(root() + BOUNDS, bounds[i], sizeof(bounds[i]));
		assert_damaged("its bounds are wrong");
	}
}
END_TEST

START_TEST(entry_outside_of_its_page_is_damage)
{
	const uint16_t offsets[] = {0, HEAD, 4090, 65535};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		write_at(root() + HEAD, &offsets[i], sizeof(offsets[i]));
		assert_damaged("lies outside of it");
	}
}
END_TEST

START_TEST(entry_that_does_not_fit_is_damage)
{
	const uint16_t key_size = 5000;
	uint16_t offset;

	read_at(root() + HEAD, &offset, sizeof(offset));
	write_at(root() + offset + 6, &key_size, sizeof(key_size));
	assert_damaged("does not fit");
}
END_TEST

START_TEST(root_beyond_the_end_is_damage)
{
	const size_t roots[] = {0, 1, meta.last_page + 1, SIZE_MAX - 1, SIZE_MAX / PAGE};

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		meta.main.root = roots[i];
		write_meta();
		assert_damaged("beyond the end");
	}
}
END_TEST

START_TEST(lost_entries_are_damage)
{
	meta.main.entries++;
	write_meta();
	assert_damaged("entries, and should have");
}
END_TEST

START_TEST(wrong_depth_is_damage)
{
	const uint16_t depths[] = {0, 2, 33, 65535};

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		meta.main.depth = depths[i];
		write_meta();
		assert_damaged("depth");
	}
}
END_TEST

/* Two keys lead to the same page. */
START_TEST(page_in_two_places_is_damage)
{
	off_t branch = find_page(LMDB_BRANCH);
	uint16_t offsets[2];
	unsigned char number[6];

	read_at(branch + HEAD, offsets, sizeof(offsets));
	read_at(branch + offsets[0], number, sizeof(number));
	write_at(branch + offsets[1], number, sizeof(number));
	assert_damaged("in use twice");
}
END_TEST

START_TEST(page_that_is_in_use_and_free_is_damage)
{
	off_t list = (off_t)(meta.free.root * PAGE);
	struct lmdb_node node;
	uint16_t offset;
	size_t numbers[2];

	read_at(list + HEAD, &offset, sizeof(offset));
	read_at(list + offset, &node, sizeof(node));
	offset = (uint16_t)(offset + sizeof(node) + node.key_size);
	read_at(list + offset, numbers, sizeof(numbers));
	ck_assert_uint_gt(numbers[0], 0);
	numbers[1] = meta.main.root;
	write_at(list + offset, numbers, sizeof(numbers));
	assert_damaged("page ");
}
END_TEST

START_TEST(long_value_that_is_gone_is_damage)
{
	off_t page = find_page(LMDB_OVERFLOW);
	const uint16_t leaf = LMDB_LEAF;

	write_at(page + FLAGS, &leaf, sizeof(leaf));
	assert_damaged("not the long value");
}
END_TEST

/* A page count for which there is no memory. */
START_TEST(absurd_size_is_damage)
{
	meta.last_page = SIZE_MAX / 2;
	write_meta();
	assert_damaged("pages long");
}
END_TEST

/* ---- nothing that LMDB would stumble over ---- */

static int walk_tree(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, data;
	int code = mdb_cursor_open(txn, dbi, &cursor);
	volatile unsigned char sum = 0;

	while (!code && (code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		const unsigned char *bytes = data.mv_data;

		for (size_t i = 0; i < data.mv_size; i += 256)
			sum = (unsigned char)(sum + bytes[i]);
		if (key.mv_size)
			sum = (unsigned char)(sum + *(unsigned char *)key.mv_data);
	}
	mdb_cursor_close(cursor);
	return code;
}

/* Reads all that LMDB can find. Whatever it says is fine; dying is not. */
static int read_all(void *unused)
{
	static const char *const names[] = {
		"small", "big", "few", "many", "fixed", "manyfixed", "holes"};
	MDB_env *env;
	MDB_txn *txn;

	(void)unused;
	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 20) ||
		mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0) ||
		mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		MDB_dbi dbi;

		if (mdb_dbi_open(txn, names[i], 0, &dbi) == 0)
			(void)walk_tree(txn, dbi);
	}
	return 0;
}

static void assert_lmdb_survives(off_t offset, unsigned bit)
{
	ck_assert_msg(forked(fork, read_all, NULL) != FORKED_DIED,
		"LMDB dies of bit %u at %ld, which the check let pass", bit,
		(long)offset);
}

/* Heads of pages more often than the values, in which there is nothing to find. */
static off_t somewhere(unsigned *seed)
{
	off_t page = (off_t)((size_t)rand_r(seed) % (meta.last_page + 1)) * PAGE;

	return page + rand_r(seed) % (rand_r(seed) % 3 ? 80 : PAGE);
}

START_TEST(flipped_bits_are_found_or_harmless)
{
	const char *setting = getenv("LMDB_FLIPS");
	long flips = setting ? atol(setting) : DEFAULT_FLIPS, found = 0;
	unsigned seed = 5;

	for (long i = 0; i < flips; i++) {
		off_t offset = somewhere(&seed);
		unsigned bit = (unsigned)rand_r(&seed) % 8;
		unsigned char byte, flipped;
		status rc;

		if (pread(fd, &byte, 1, offset) != 1)
			continue;
		flipped = (unsigned char)(byte ^ 1u << bit);
		write_at(offset, &flipped, 1);
		rc = hosted_verify(&store, path);
		if (!failed(rc))
			assert_lmdb_survives(offset, bit);
		else
			ck_assert_msg(rc == hrDatabaseCorrupted ||
					      rc == STATUS_WIN32(ERROR_NOT_SUPPORTED),
				"bit %u at %ld: %s", bit, (long)offset, status_pending());
		found += failed(rc);
		write_at(offset, &byte, 1);
	}
	ck_assert_int_gt(found, flips / 20);
	ck_assert_int_eq(check(), STATUS_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lmdb_check");
	TCase *tcase = tcase_create("lmdb_check");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 200);
	tcase_add_test(tcase, every_kind_of_tree_is_understood);
	tcase_add_test(tcase, long_lists_of_free_pages_are_understood);
	tcase_add_test(tcase, dead_caller_ends_the_check);
	tcase_add_test(tcase, short_files_are_damaged);
	tcase_add_test(tcase, page_that_is_another_one_is_damaged);
	tcase_add_test(tcase, page_of_another_kind_is_damaged);
	tcase_add_test(tcase, wrong_bounds_are_damage);
	tcase_add_test(tcase, entry_outside_of_its_page_is_damage);
	tcase_add_test(tcase, entry_that_does_not_fit_is_damage);
	tcase_add_test(tcase, root_beyond_the_end_is_damage);
	tcase_add_test(tcase, lost_entries_are_damage);
	tcase_add_test(tcase, wrong_depth_is_damage);
	tcase_add_test(tcase, page_in_two_places_is_damage);
	tcase_add_test(tcase, page_that_is_in_use_and_free_is_damage);
	tcase_add_test(tcase, long_value_that_is_gone_is_damage);
	tcase_add_test(tcase, absurd_size_is_damage);
	tcase_add_test(tcase, flipped_bits_are_found_or_harmless);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
