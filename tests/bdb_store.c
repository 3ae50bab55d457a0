#include "bdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/bdb_caller.h"
#include "engine/bdb_names.h"

#define RECORDS "sub/records.db"

enum {
	LOG_SIZE = 64 << 10,
	LOG_BUFFER = 16 << 10,
	KEY_SIZE = 10,
	BYTES = 200,
	PAUSE_US = 100
};

static void ok(int code, const char *what)
{
	ck_assert_msg(code == 0, "%s: %s", what, db_strerror(code));
}

/* ---- the server ---- */

char *bdb_make_dir(const char *base, const char *name)
{
	char *path = support_path(base, name);

	ck_assert_msg(mkdir(path, 0755) == 0 || errno == EEXIST, "%s", path);
	return path;
}

void bdb_store_open(struct bdb_store *store, unsigned layout)
{
	DB_ENV *env;

	ok(db_env_create(&env, 0), "db_env_create");
	if (layout & BDB_REGION_APART) {
		ok(env->add_data_dir(env, store->data), "add_data_dir");
		ok(env->set_create_dir(env, store->data), "set_create_dir");
	}
	if (layout & (BDB_REGION_APART | BDB_LOGS_APART))
		ok(env->set_lg_dir(env, store->logs), "set_lg_dir");
	ok(env->set_lg_max(env, LOG_SIZE), "set_lg_max");
	ok(env->set_lg_bsize(env, LOG_BUFFER), "set_lg_bsize");
	ok(env->set_cachesize(env, 0, layout & BDB_SMALL_CACHE ? 256 << 10 : 8 << 20, 1),
		"set_cachesize");
	ok(env->set_lk_detect(env, DB_LOCK_DEFAULT), "set_lk_detect");
	ok(env->set_flags(env, DB_TXN_NOSYNC, 1), "set_flags");
	ok(env->open(env, store->home,
		   DB_CREATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN |
			   DB_THREAD,
		   0600),
		"open");
	store->env = env;
	store->db = bdb_store_database(store, RECORDS, DB_BTREE, 0);
}

void bdb_store_make(struct bdb_store *store, unsigned layout)
{
	char *sub, *config;

	(void)signal(SIGPIPE, SIG_IGN);
	*store = (struct bdb_store){.base = support_tmpdir()};
	store->data = bdb_make_dir(store->base, "data");
	store->home =
		bdb_make_dir(store->base, layout & BDB_REGION_APART ? "region" : "data");
	store->logs =
		bdb_make_dir(store->base, layout & BDB_LOGS_APART ? "logs" : "data");
	sub = bdb_make_dir(store->data, "sub");
	free(sub);
	if (layout & BDB_LOGS_APART) {
		char text[5000];

		config = support_path(store->home, "DB_CONFIG");
		(void)snprintf(text, sizeof(text), "set_lg_dir %s\n", store->logs);
		support_write(config, text);
		free(config);
	}
	ck_assert_int_eq(names_add(&store->config.databases, store->data), STATUS_OK);
	store->config.engine = strdup("bdb");
	store->config.spool_dir = strdup(store->base);
	if (layout & BDB_REGION_APART)
		store->config.region_dir = strdup(store->home);
	if (layout & BDB_LOGS_APART)
		store->config.log_dir = strdup(store->logs);
	bdb_store_open(store, layout);
}

void bdb_store_close(struct bdb_store *store)
{
	if (store->db)
		(void)store->db->close(store->db, 0);
	if (store->env)
		(void)store->env->close(store->env, 0);
	store->db = NULL;
	store->env = NULL;
}

void bdb_store_free(struct bdb_store *store)
{
	bdb_store_close(store);
	names_free(&store->config.databases);
	free(store->config.engine);
	free(store->config.spool_dir);
	free(store->config.region_dir);
	free(store->config.log_dir);
	free(store->data);
	free(store->home);
	free(store->logs);
}

DB *bdb_store_database(
	struct bdb_store *store, const char *name, DBTYPE type, u_int32_t flags)
{
	DB *db;

	ok(db_create(&db, store->env, 0), "db_create");
	if (flags)
		ok(db->set_flags(db, flags), "set_flags");
	if (type == DB_QUEUE) {
		ok(db->set_re_len(db, BYTES), "set_re_len");
		ok(db->set_q_extentsize(db, 4), "set_q_extentsize");
	}
	ok(db->open(db, NULL, name, NULL, type, DB_CREATE | DB_AUTO_COMMIT | DB_THREAD,
		   0600),
		name);
	return db;
}

/* ---- records ---- */

static int put_record(DB_ENV *env, DB *db, uint32_t number, size_t bytes)
{
	char key[KEY_SIZE + 1];
	DBT k = {.data = key, .size = KEY_SIZE}, v = {.size = (u_int32_t)bytes};
	DB_TXN *txn;
	int code;

	(void)snprintf(key, sizeof(key), "%010lu", (unsigned long)number);
	v.data = malloc(bytes);
	if (!v.data)
		return ENOMEM;
	memset(v.data, 'a' + (int)(number % 26), bytes);
	code = env->txn_begin(env, NULL, &txn, 0);
	if (!code) {
		code = db->put(db, txn, &k, &v, 0);
		code = code ? (txn->abort(txn), code) : txn->commit(txn, DB_TXN_NOSYNC);
	}
	free(v.data);
	return code;
}

void bdb_put(DB_ENV *env, DB *db, uint32_t first, uint32_t last, size_t bytes)
{
	for (uint32_t n = first; n <= last; n++)
		ok(put_record(env, db, n, bytes), "put");
}

void bdb_store_fill(struct bdb_store *store, uint32_t first, uint32_t last)
{
	bdb_put(store->env, store->db, first, last, BYTES);
}

static uint32_t record_number(const DBT *key)
{
	char text[KEY_SIZE + 1] = "";

	ck_assert_uint_eq(key->size, KEY_SIZE);
	memcpy(text, key->data, KEY_SIZE);
	return (uint32_t)strtoul(text, NULL, 10);
}

uint32_t bdb_records(const char *home)
{
	char *path = support_path(home, RECORDS);
	DBT key = {0}, value = {0};
	uint32_t expected = 0;
	DBC *cursor;
	DB *db;
	int code;

	ok(db_create(&db, NULL, 0), "db_create");
	ok(db->open(db, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY, 0), path);
	ok(db->cursor(db, NULL, &cursor, 0), "cursor");
	while ((code = cursor->get(cursor, &key, &value, DB_NEXT)) == 0)
		ck_assert_uint_eq(record_number(&key), ++expected);
	ck_assert_int_eq(code, DB_NOTFOUND);
	ok(cursor->close(cursor), "cursor");
	ok(db->close(db, 0), "close");
	free(path);
	return expected;
}

/* ---- a process that writes ---- */

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Joins with a handle of its own: what was inherited over fork is of no use. */
static void write_records(const struct bdb_store *store, struct bdb_writer *writer,
	uint32_t number, size_t bytes)
{
	DB_ENV *env;
	DB *db;

	if (db_env_create(&env, 0))
		_exit(2);
	if (store->config.region_dir && env->add_data_dir(env, store->data))
		_exit(3);
	if ((store->config.region_dir || store->config.log_dir) &&
		env->set_lg_dir(env, store->logs))
		_exit(4);
	if (env->open(env, store->home, 0, 0600) || db_create(&db, env, 0) ||
		db->open(db, NULL, RECORDS, NULL, DB_BTREE, DB_AUTO_COMMIT, 0))
		_exit(5);
	while (!writer->stop) {
		const uint64_t begin = now_us();
		int code = put_record(env, db, number, bytes);
		uint64_t took;

		if (code == DB_LOCK_DEADLOCK)
			continue;
		if (code)
			_exit(6);
		took = now_us() - begin;
		if (took > writer->longest_us)
			writer->longest_us = (uint32_t)took;
		writer->committed = number++;
		(void)usleep(PAUSE_US);
	}
	_exit(db->close(db, 0) || env->close(env, 0) ? 7 : 0);
}

struct bdb_writer *bdb_write_on(
	const struct bdb_store *store, uint32_t first, size_t bytes)
{
	struct bdb_writer *writer = mmap(NULL, sizeof(*writer), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	pid_t pid;

	ck_assert_ptr_ne(writer, MAP_FAILED);
	writer->committed = first - 1;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		write_records(store, writer, first, bytes);
	writer->pid = pid;
	return writer;
}

void bdb_stop(struct bdb_writer *writer)
{
	int how;

	writer->stop = 1;
	ck_assert_int_eq(waitpid(writer->pid, &how, 0), writer->pid);
	ck_assert_msg(how == 0, "the writer ended with %d", how);
	(void)munmap(writer, sizeof(*writer));
}

void bdb_assert_detail(const char *text)
{
	ck_assert_msg(strstr(status_pending(), text) != NULL, "%s does not mention %s",
		status_pending(), text);
}

void bdb_sleep(long ms)
{
	const struct timespec time = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}
