#include "tdb_store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 4, MAP_SIZE = 64 << 20, FILLER = 300 };

static const char *const files[FILES] = {
	"sam.ldb.d/metadata.tdb", "sam.ldb", TDB_PARTITION_A, TDB_PARTITION_B};
static char number_key[] = "number";

static TDB_DATA datum(void *bytes, size_t size)
{
	return (TDB_DATA){.dptr = bytes, .dsize = size};
}

static struct tdb_context *open_tdb(const char *path, int flags)
{
	struct tdb_context *tdb = tdb_open(path, 100, TDB_DEFAULT, flags, 0600);

	if (!tdb) {
		perror(path);
		_exit(1);
	}
	return tdb;
}

static void put(struct tdb_context *tdb, long number)
{
	static unsigned char filler[3000];
	char key[30];

	memset(filler, (int)number, sizeof(filler));
	(void)snprintf(key, sizeof(key), "filler%ld", number % FILLER);
	if (tdb_store(tdb, datum(number_key, sizeof(number_key)),
		    datum(&number, sizeof(number)), TDB_REPLACE) ||
		tdb_store(tdb, datum(key, strlen(key)),
			datum(filler, (size_t)(number % 3000)), TDB_REPLACE))
		_exit(1);
}

/* ---- LMDB ---- */

static MDB_env *open_mdb(const char *path)
{
	MDB_env *env;

	if (mdb_env_create(&env) || mdb_env_set_mapsize(env, MAP_SIZE) ||
		mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC, 0644))
		_exit(1);
	return env;
}

static void put_mdb(MDB_txn *txn, long number)
{
	MDB_val key = {.mv_size = sizeof(number_key), .mv_data = number_key};
	MDB_val data = {.mv_size = sizeof(number), .mv_data = &number};
	MDB_dbi dbi;

	if (mdb_dbi_open(txn, NULL, 0, &dbi) || mdb_put(txn, dbi, &key, &data, 0))
		_exit(1);
}

static void make_mdb(const char *path)
{
	MDB_env *env = open_mdb(path);
	MDB_txn *txn;

	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	put_mdb(txn, 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static long mdb_number(const char *path)
{
	MDB_val key = {.mv_size = sizeof(number_key), .mv_data = number_key}, data;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	long number;

	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(
		mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	ck_assert_int_eq(mdb_get(txn, dbi, &key, &data), 0);
	memcpy(&number, data.mv_data, sizeof(number));
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return number;
}

/* ---- the directory ---- */

static void name_partitions(struct tdb_context *sam)
{
	char key[] = "DN=@PARTITION";
	char list[] =
		"@PARTITION\0partition\0DC=A:" TDB_PARTITION_A "\0DC=B:" TDB_PARTITION_B;

	ck_assert_int_eq(tdb_store(sam, datum(key, sizeof(key)),
				 datum(list, sizeof(list)), TDB_REPLACE),
		0);
}

static void make_tdb(const char *path, bool sam)
{
	struct tdb_context *tdb = open_tdb(path, O_RDWR | O_CREAT);

	put(tdb, 0);
	if (sam)
		name_partitions(tdb);
	ck_assert_int_eq(tdb_close(tdb), 0);
}

static void make_file(const char *dir, const char *name, const char *text)
{
	char *path = support_path(dir, name);

	if (text)
		support_write(path, text);
	else
		make_tdb(path, strcmp(name, "sam.ldb") == 0);
	free(path);
}

void tdb_store_make(const char *dir, bool lmdb)
{
	char *path;

	path = support_path(dir, "sam.ldb.d");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
	path = support_path(dir, "tls");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
	for (size_t i = 0; i < (size_t)FILES - lmdb; i++)
		make_file(dir, files[i], NULL);
	if (lmdb) {
		path = support_path(dir, TDB_PARTITION_B);
		make_mdb(path);
		free(path);
	}
	make_file(dir, "secrets.tdb", NULL);
	make_file(dir, "secrets.ldb", NULL);
	make_file(dir, "encrypted_secrets.key", "0123456789abcdef");
	make_file(dir, "tls/key.pem", "key\n");
}

long tdb_store_number(const char *path)
{
	struct tdb_context *tdb = tdb_open(path, 0, TDB_NOLOCK | TDB_NOMMAP, O_RDONLY, 0);
	TDB_DATA data;
	long number;

	if (!tdb)
		return mdb_number(path);
	data = tdb_fetch(tdb, datum(number_key, sizeof(number_key)));
	ck_assert_uint_eq(data.dsize, sizeof(number));
	memcpy(&number, data.dptr, sizeof(number));
	free(data.dptr);
	ck_assert_int_eq(tdb_close(tdb), 0);
	return number;
}

/* ---- writing ---- */

struct writer {
	struct tdb_context *tdbs[FILES];
	size_t count;
	MDB_env *env; /* the last one, or NULL */
	MDB_txn *txn;
};

static void open_all(struct writer *writer, const char *dir, bool lmdb)
{
	*writer = (struct writer){.count = (size_t)FILES - lmdb};
	for (size_t i = 0; i < FILES; i++) {
		char *path = support_path(dir, files[i]);

		if (i < writer->count)
			writer->tdbs[i] = open_tdb(path, O_RDWR);
		else
			writer->env = open_mdb(path);
		free(path);
	}
}

static void begin_all(struct writer *writer, long number)
{
	for (size_t i = 0; i < writer->count; i++)
		if (tdb_transaction_start(writer->tdbs[i]))
			_exit(1);
	if (writer->env && mdb_txn_begin(writer->env, NULL, 0, &writer->txn))
		_exit(1);
	for (size_t i = 0; i < writer->count; i++)
		put(writer->tdbs[i], number);
	if (writer->env)
		put_mdb(writer->txn, number);
}

static void prepare_all(struct writer *writer)
{
	for (size_t i = 0; i < writer->count; i++)
		if (tdb_transaction_prepare_commit(writer->tdbs[i]))
			_exit(1);
}

/* What was begun first is committed last. */
static void commit_all(struct writer *writer)
{
	if (writer->env && mdb_txn_commit(writer->txn))
		_exit(1);
	for (size_t i = writer->count; i-- > 0;)
		if (tdb_transaction_commit(writer->tdbs[i]))
			_exit(1);
}

void tdb_write_on(void *context)
{
	const struct tdb_writing *writing = context;
	const struct timespec pause = {.tv_nsec = writing->pause_us * 1000};
	struct writer writer;

	open_all(&writer, writing->dir, writing->lmdb);
	for (long n = 1;; n++) {
		begin_all(&writer, n);
		prepare_all(&writer);
		commit_all(&writer);
		if (writing->commits)
			atomic_fetch_add(writing->commits, 1);
		(void)nanosleep(&pause, NULL);
	}
}

void tdb_get_stuck(void *context)
{
	const struct tdb_stuck *stuck = context;
	struct writer writer;

	open_all(&writer, stuck->dir, false);
	begin_all(&writer, 1);
	if (stuck->prepared)
		prepare_all(&writer);
	if (write(stuck->ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}
