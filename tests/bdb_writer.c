/*
 * bdb_writer - a server with a Berkeley DB environment, for tests
 *
 *	bdb_writer run HOME STATE [PAUSE_US [keep]]
 *		commits the records 1, 2, 3, ... to HOME/sub/records.db (goes on where it was)
 *		until its standard input ends; a checkpoint each half second, after which it
 *		removes logs like 389 Directory Server does, or, `keep`, renames none and removes
 *		none. STATE is a file of two u32: the last number committed, the longest commit
 *		in microseconds.
 *	bdb_writer recover HOME
 *		catastrophic recovery by libdb alone
 *	bdb_writer count HOME
 *		prints N where the records are those from 1 to N and no others
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/bdb_db.h"

#define RECORDS "sub/records.db"

enum { KEY_SIZE = 10, VALUE_SIZE = 300, CHECKPOINT_US = 500000, LOOK_EVERY = 64 };

struct state {
	volatile uint32_t committed;
	volatile uint32_t longest_us;
};

static void check(int code, const char *what)
{
	if (code == 0)
		return;
	(void)fprintf(stderr, "bdb_writer: %s: %s\n", what, db_strerror(code));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- environments ---- */

static DB_ENV *open_env(const char *home, u_int32_t how)
{
	DB_ENV *env;

	check(db_env_create(&env, 0), "db_env_create");
	env->set_errfile(env, stderr);
	check(env->set_cachesize(env, 0, 4 << 20, 1), "set_cachesize");
	check(env->set_lg_max(env, 1 << 20), "set_lg_max");
	check(env->set_lg_bsize(env, 64 << 10), "set_lg_bsize");
	check(env->open(env, home,
		      DB_CREATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL |
			      DB_INIT_TXN | how,
		      0600),
		home);
	return env;
}

static DB *open_records(DB_ENV *env, u_int32_t how)
{
	DB *db;

	check(db_create(&db, env, 0), "db_create");
	check(db->open(db, NULL, RECORDS, NULL, DB_BTREE, how, 0600), RECORDS);
	return db;
}

/* The numbers must be 1 to N; N. */
static uint32_t count_records(DB *db)
{
	DBT key = {0}, value = {0};
	uint32_t expected = 0;
	DBC *cursor;
	int code;

	check(db->cursor(db, NULL, &cursor, 0), "cursor");
	while ((code = cursor->get(cursor, &key, &value, DB_NEXT)) == 0) {
		char text[KEY_SIZE + 1] = "";

		memcpy(text, key.data, KEY_SIZE);
		if (strtoul(text, NULL, 10) != ++expected) {
			(void)fprintf(stderr,
				"bdb_writer: record %s where %u should be\n", text,
				expected);
			exit(1);
		}
	}
	if (code != DB_NOTFOUND)
		check(code, "reading");
	check(cursor->close(cursor), "cursor");
	return expected;
}

/* ---- the server ---- */

static struct state *open_state(const char *path)
{
	struct state *state;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, sizeof(*state)) < 0)
		check(errno, path);
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (state == MAP_FAILED)
		check(errno, path);
	(void)close(fd);
	return state;
}

static void commit(DB_ENV *env, DB *db, uint32_t number)
{
	char key[KEY_SIZE + 1], bytes[VALUE_SIZE];
	DBT k = {.data = key, .size = KEY_SIZE},
	    v = {.data = bytes, .size = sizeof(bytes)};
	DB_TXN *txn;

	(void)snprintf(key, sizeof(key), "%010u", number);
	memset(bytes, 'a' + (int)(number % 26), sizeof(bytes));
	check(env->txn_begin(env, NULL, &txn, 0), "begin");
	check(db->put(db, txn, &k, &v, 0), "put");
	check(txn->commit(txn, DB_TXN_WRITE_NOSYNC), "commit");
}

static int wanted(void)
{
	struct pollfd poller = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&poller, 1, 0) == 0 || read(STDIN_FILENO, &byte, 1) == 1;
}

static void run(const char *home, const char *path, unsigned pause_us, int keep)
{
	struct state *state = open_state(path);
	DB_ENV *env = open_env(home, 0);
	DB *db = open_records(env, DB_CREATE | DB_AUTO_COMMIT);
	uint32_t number = count_records(db);
	uint64_t checkpoint = now_us();

	while (number % LOOK_EVERY || wanted()) {
		const uint64_t began = now_us();
		uint64_t took;

		commit(env, db, ++number);
		took = now_us() - began;
		state->committed = number;
		if (took > state->longest_us)
			state->longest_us = (uint32_t)took;
		if (pause_us)
			(void)usleep(pause_us);
		if (now_us() - checkpoint < CHECKPOINT_US)
			continue;
		check(env->txn_checkpoint(env, 0, 0, 0), "checkpoint");
		if (!keep)
			check(env->log_archive(env, NULL, DB_ARCH_REMOVE), "log_archive");
		checkpoint = now_us();
	}
	check(db->close(db, 0), "close");
	check(env->close(env, 0), "close");
}

static void recover(const char *home)
{
	DB_ENV *env = open_env(home, DB_PRIVATE | DB_RECOVER_FATAL);

	check(env->close(env, 0), "close");
}

static void count(const char *home)
{
	DB_ENV *env = open_env(home, DB_PRIVATE);
	DB *db = open_records(env, DB_RDONLY);

	(void)printf("%u\n", count_records(db));
	check(db->close(db, 0), "close");
	check(env->close(env, 0), "close");
}

int main(int argc, char *argv[])
{
	if (argc >= 4 && strcmp(argv[1], "run") == 0)
		run(argv[2], argv[3], argc > 4 ? (unsigned)atoi(argv[4]) : 0, argc > 5);
	else if (argc == 3 && strcmp(argv[1], "recover") == 0)
		recover(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "count") == 0)
		count(argv[2]);
	else
		return 2;
	return 0;
}
