/*
 * bdb_server DIR MIB - a Berkeley DB environment of so many MiB, open as by a server
 *
 * Says "ready" once it is filled, its changes are in the databases and the logs that this
 * took are gone. Ends with its standard input.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/bdb_db.h"

/* Four records fill a page of 16 KiB. */
enum { DATABASES = 4, RECORD = 3900, BATCH = 512, RECORDS_PER_MIB = 256 };

static void check(int code, const char *what)
{
	if (code == 0)
		return;
	fprintf(stderr, "%s: %s\n", what, db_strerror(code));
	exit(1);
}

static DB_ENV *open_environment(const char *dir)
{
	DB_ENV *env;

	check(db_env_create(&env, 0), "db_env_create");
	check(env->set_cachesize(env, 0, 64 << 20, 1), "set_cachesize");
	check(env->set_lg_max(env, 10 << 20), "set_lg_max");
	check(env->set_lk_max_locks(env, 20000), "set_lk_max_locks");
	check(env->set_lk_max_objects(env, 20000), "set_lk_max_objects");
	check(env->open(env, dir,
		      DB_CREATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL |
			      DB_INIT_TXN | DB_THREAD,
		      0600),
		dir);
	return env;
}

static DB *open_database(DB_ENV *env, const char *name)
{
	DB *db;

	check(db_create(&db, env, 0), "db_create");
	check(db->set_pagesize(db, 16384), "set_pagesize");
	check(db->open(db, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600),
		name);
	return db;
}

/* Text, so that it is of little use to compress or deduplicate it. */
static void make_record(char *record, uint32_t number)
{
	uint32_t state = number * 2654435761u + 1;

	for (size_t i = 0; i + 4 <= RECORD; i += 4) {
		state = state * 1664525u + 1013904223u;
		memcpy(record + i, &state, 4);
	}
}

static void put(DB *db, DB_TXN *txn, uint32_t number)
{
	char key_text[16], record[RECORD];
	DBT key = {.data = key_text}, data = {.data = record, .size = RECORD};

	key.size = (u_int32_t)snprintf(key_text, sizeof(key_text), "%010u", number);
	make_record(record, number);
	check(db->put(db, txn, &key, &data, 0), "put");
}

static void fill(DB_ENV *env, DB *db, uint32_t records)
{
	for (uint32_t n = 0; n < records;) {
		DB_TXN *txn;

		check(env->txn_begin(env, NULL, &txn, DB_TXN_NOSYNC), "txn_begin");
		for (uint32_t end = n + BATCH; n < end && n < records; n++)
			put(db, txn, n);
		check(txn->commit(txn, 0), "commit");
	}
}

static void settle(DB_ENV *env)
{
	check(env->txn_checkpoint(env, 0, 0, DB_FORCE), "txn_checkpoint");
	check(env->log_archive(env, NULL, DB_ARCH_REMOVE), "log_archive");
}

int main(int argc, char **argv)
{
	DB *databases[DATABASES];
	DB_ENV *env;
	char name[16], byte;
	uint32_t records;

	if (argc != 3)
		return 2;
	records = (uint32_t)(strtoul(argv[2], NULL, 10) * RECORDS_PER_MIB / DATABASES);
	env = open_environment(argv[1]);
	for (int i = 0; i < DATABASES; i++) {
		snprintf(name, sizeof(name), "data%d.db", i);
		databases[i] = open_database(env, name);
		fill(env, databases[i], records);
		settle(env);
	}
	settle(env);
	if (puts("ready") < 0 || fflush(stdout) != 0)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (int i = 0; i < DATABASES; i++)
		check(databases[i]->close(databases[i], 0), "close");
	check(env->close(env, 0), "close");
	return 0;
}
