#include "lmdb_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LMDB_OK(call)                                                                    \
	do {                                                                             \
		int code_ = (call);                                                      \
		ck_assert_msg(code_ == 0, "%s: %s", #call, mdb_strerror(code_));         \
	} while (0)

enum { TREES = 8, VALUE_LIMIT = 100000 };

MDB_env *lmdb_open(const char *path, unsigned flags, size_t map_size)
{
	MDB_env *env;

	LMDB_OK(mdb_env_create(&env));
	LMDB_OK(mdb_env_set_maxdbs(env, TREES));
	LMDB_OK(mdb_env_set_mapsize(env, map_size));
	LMDB_OK(mdb_env_open(env, path, flags, 0600));
	return env;
}

/* Big-endian numbers sort as they count. */
static void make_key(unsigned char key[8], long number)
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		key[i] = (unsigned char)number;
}

static long key_number(const MDB_val *key)
{
	const unsigned char *bytes = key->mv_data;
	unsigned long number = 0;

	ck_assert_uint_eq(key->mv_size, 8);
	for (int i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return (long)number;
}

static int put(MDB_txn *txn, MDB_dbi dbi, long number, size_t value_size)
{
	static unsigned char value[VALUE_LIMIT];
	unsigned char bytes[8];
	MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes};
	MDB_val data = {.mv_size = value_size, .mv_data = value};

	make_key(bytes, number);
	memset(value, (int)(number & 0xff), value_size);
	return mdb_put(txn, dbi, &key, &data, 0);
}

void lmdb_put(MDB_env *env, const char *name, unsigned db_flags, long first, long last,
	long batch, size_t value_size)
{
	for (long n = first; n <= last;) {
		MDB_txn *txn;
		MDB_dbi dbi;

		LMDB_OK(mdb_txn_begin(env, NULL, 0, &txn));
		LMDB_OK(mdb_dbi_open(
			txn, name, db_flags | (name ? MDB_CREATE : 0), &dbi));
		for (long i = 0; i < batch && n <= last; i++, n++)
			LMDB_OK(put(txn, dbi, n, value_size));
		LMDB_OK(mdb_txn_commit(txn));
	}
}

long lmdb_count(const char *path, const char *name)
{
	MDB_env *env = lmdb_open(path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK, 0);
	MDB_cursor *cursor;
	MDB_val key, data;
	MDB_txn *txn;
	MDB_dbi dbi;
	long count = 0;
	int code;

	LMDB_OK(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	LMDB_OK(mdb_dbi_open(txn, name, 0, &dbi));
	LMDB_OK(mdb_cursor_open(txn, dbi, &cursor));
	while ((code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		const unsigned char *value = data.mv_data;

		ck_assert_int_eq(key_number(&key), ++count);
		ck_assert_uint_ge(data.mv_size, 1);
		ck_assert_uint_eq(value[0], (unsigned)count & 0xff);
		ck_assert_uint_eq(value[data.mv_size - 1], (unsigned)count & 0xff);
	}
	ck_assert_int_eq(code, MDB_NOTFOUND);
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return count;
}

static int count_line(const char *line, void *context)
{
	int *lines = context;

	*lines += strstr(line, "(no active readers)") == NULL;
	return 0;
}

/* The first line is a heading. */
int lmdb_readers(const char *path, unsigned flags)
{
	MDB_env *env = lmdb_open(path, flags, LMDB_MAP_SIZE);
	int lines = 0;

	ck_assert_int_ge(mdb_reader_list(env, count_line, &lines), 0);
	mdb_env_close(env);
	return lines ? lines - 1 : 0;
}

/* ---- writing without pause ---- */

static int write_one(MDB_env *env, long number)
{
	MDB_txn *txn;
	MDB_dbi entries, scratch;
	int code = mdb_txn_begin(env, NULL, 0, &txn);

	if (code)
		return code;
	code = mdb_dbi_open(txn, "entries", MDB_CREATE, &entries);
	if (!code)
		code = mdb_dbi_open(txn, "scratch", MDB_CREATE, &scratch);
	if (!code)
		code = put(txn, entries, number, 200);
	if (!code)
		code = put(txn, scratch, number % 8, (size_t)(1 + number % 9) * 3000);
	if (code) {
		mdb_txn_abort(txn);
		return code;
	}
	return mdb_txn_commit(txn);
}

void lmdb_write_on(void *context)
{
	struct lmdb_writing *writing = context;
	const struct timespec pause = {.tv_nsec = 50000};
	MDB_env *env =
		lmdb_open(writing->path, writing->flags | MDB_NOSYNC, writing->map_size);

	for (long n = writing->first;; n++) {
		int code = write_one(env, n);

		if (code == MDB_MAP_FULL) {
			writing->map_size *= 2;
			code = mdb_env_set_mapsize(env, writing->map_size);
			n--;
		}
		if (code) {
			(void)fprintf(stderr, "writer: %s\n", mdb_strerror(code));
			_exit(1);
		}
		/* Without any, it makes the file grow by gigabytes in a test's time. */
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- trees of every kind ---- */

static void put_duplicates(MDB_env *env, const char *name, unsigned flags, long keys,
	long values, size_t size)
{
	unsigned char bytes[8], value[400] = {0};
	MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes};
	MDB_val data = {.mv_size = size, .mv_data = value};
	MDB_txn *txn;
	MDB_dbi dbi;

	LMDB_OK(mdb_txn_begin(env, NULL, 0, &txn));
	LMDB_OK(mdb_dbi_open(txn, name, MDB_CREATE | MDB_DUPSORT | flags, &dbi));
	for (long k = 1; k <= keys; k++) {
		make_key(bytes, k);
		for (long v = 0; v < values * (k % 3 + 1); v++) {
			(void)snprintf((char *)value, sizeof(value), "%08ld", v);
			LMDB_OK(mdb_put(txn, dbi, &key, &data, 0));
		}
	}
	LMDB_OK(mdb_txn_commit(txn));
}

static void delete_every_third(MDB_env *env, const char *name, long last)
{
	unsigned char bytes[8];
	MDB_val key = {.mv_size = sizeof(bytes), .mv_data = bytes};
	MDB_txn *txn;
	MDB_dbi dbi;

	LMDB_OK(mdb_txn_begin(env, NULL, 0, &txn));
	LMDB_OK(mdb_dbi_open(txn, name, 0, &dbi));
	for (long n = 3; n <= last; n += 3) {
		make_key(bytes, n);
		LMDB_OK(mdb_del(txn, dbi, &key, NULL));
	}
	LMDB_OK(mdb_txn_commit(txn));
}

void lmdb_make_rich(const char *path)
{
	MDB_env *env = lmdb_open(path, MDB_NOSUBDIR | MDB_NOSYNC, LMDB_MAP_SIZE);

	lmdb_put(env, "small", 0, 1, 3000, 500, 30);
	lmdb_put(env, "big", 0, 1, 90, 20, 9000);
	put_duplicates(env, "few", 0, 20, 3, 40);
	put_duplicates(env, "many", 0, 6, 300, 40);
	put_duplicates(env, "fixed", MDB_DUPFIXED, 20, 4, 16);
	put_duplicates(env, "manyfixed", MDB_DUPFIXED, 6, 900, 16);
	lmdb_put(env, "holes", 0, 1, 600, 600, 3000);
	delete_every_third(env, "holes", 600);
	mdb_env_close(env);
}
