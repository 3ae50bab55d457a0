/* What a database's bytes are on their way to the reader. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "bdb_store.h"

enum { PAGE = 4096 };

static struct bdb_store store;
static struct engine_files files;

static void setup(void)
{
	bdb_store_make(&store, 0);
}

static void teardown(void)
{
	engine_files_free(&files);
	bdb_store_free(&store);
}

static struct engine_session *begin(void)
{
	struct engine_session *session = bdb_session(&store, 0);

	ck_assert_msg(bdb_host.engine.databases(session, &files) == STATUS_OK, "%s",
		status_pending());
	return session;
}

static const struct engine_file *listed(const char *name)
{
	char *path = support_path(store.data, name);

	for (size_t i = 0; i < files.count; i++) {
		if (strcmp(files.items[i].path, path) == 0) {
			free(path);
			return &files.items[i];
		}
	}
	ck_abort_msg("%s is not listed", name);
}

static bool same_content(const char *a, const char *b)
{
	char command[9000];

	(void)snprintf(command, sizeof(command), "cmp -s '%s' '%s'", a, b);
	return system(command) == 0;
}

START_TEST(pages_that_were_in_the_cache_alone_are_in_the_copy)
{
	struct engine_session *session;
	char *copy = support_path(store.base, "copy"), *path;

	bdb_store_fill(&store, 1, 3000);
	session = begin();
	ck_assert_int_eq(
		bdb_save_file(session, listed("sub/records.db"), copy), STATUS_OK);
	bdb_host.engine.end(session);
	path = support_path(store.data, "sub/records.db");
	ck_assert(same_content(path, copy));
	free(path);
	free(copy);
}
END_TEST

START_TEST(growth_after_open_is_left_to_the_logs)
{
	struct engine_session *session;
	const struct engine_file *file;
	char *copy = support_path(store.base, "copy");
	struct stat st;

	bdb_store_fill(&store, 1, 1000);
	session = begin();
	file = listed("sub/records.db");
	bdb_store_fill(&store, 1001, 4000);
	ck_assert_int_eq(bdb_save_file(session, file, copy), STATUS_OK);
	bdb_host.engine.end(session);
	ck_assert_int_eq(stat(copy, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, file->size);
	free(copy);
}
END_TEST

/* ---- a reader who takes his time ---- */

struct streaming {
	struct engine_session *session;
	int pipe;
	status rc;
};

static void *stream_on(void *argument)
{
	struct streaming *streaming = argument;

	streaming->rc = bdb_streaming.stream(streaming->session, streaming->pipe);
	(void)close(streaming->pipe);
	return NULL;
}

static pthread_t stream_into(struct streaming *streaming, int *from)
{
	pthread_t thread;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	streaming->pipe = ends[1];
	*from = ends[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, stream_on, streaming), 0);
	return thread;
}

static void take(int from, char *into, size_t size)
{
	while (size) {
		ssize_t n = read(from, into, size);

		ck_assert_int_gt(n, 0);
		into += n;
		size -= (size_t)n;
	}
}

START_TEST(reader_that_stalls_holds_up_no_checkpoint_for_long)
{
	struct streaming streaming;
	uint64_t size;
	char *content;
	pthread_t thread;
	int64_t began, took;
	int from;

	bdb_store_fill(&store, 1, 40000);
	streaming.session = begin();
	ck_assert_int_eq(bdb_host.engine.open(
				 streaming.session, listed("sub/records.db"), 0, &size),
		STATUS_OK);
	ck_assert_uint_gt(size, 8 << 20);
	content = malloc((size_t)size);
	thread = stream_into(&streaming, &from);
	take(from, content, 1 << 20);
	/* All pages are dirty again, those that are being copied among them. */
	for (uint32_t n = 40001; n < 40100; n++)
		bdb_store_fill(&store, n, n);
	began = clock_now_ms();
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
		bdb_sleep(1000);
	}
	took = clock_now_ms() - began;
	ck_assert_int_lt(took, 12000);
	/* Then he goes on, and has every byte once. */
	take(from, content + (1 << 20), (size_t)size - (1 << 20));
	ck_assert_int_eq(read(from, content, 0), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(streaming.rc == STATUS_OK, "%s", status_pending());
	bdb_host.engine.close(streaming.session);
	bdb_host.engine.end(streaming.session);
	/* Each page is in its place: it has its number at byte 8. */
	for (uint64_t n = 1; n < size / PAGE; n++) {
		uint32_t number;

		memcpy(&number, content + n * PAGE + 8, sizeof(number));
		ck_assert_uint_eq(number, n);
	}
	(void)close(from);
	free(content);
}
END_TEST

START_TEST(reader_that_goes_away_is_no_failure)
{
	struct streaming streaming;
	static char content[100000];
	pthread_t thread;
	uint64_t size;
	int from;

	bdb_store_fill(&store, 1, 40000);
	streaming.session = begin();
	ck_assert_int_eq(bdb_host.engine.open(
				 streaming.session, listed("sub/records.db"), 0, &size),
		STATUS_OK);
	thread = stream_into(&streaming, &from);
	take(from, content, sizeof(content));
	(void)close(from);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(streaming.rc, STATUS_OK);
	bdb_host.engine.close(streaming.session);
	bdb_host.engine.end(streaming.session);
	bdb_store_fill(&store, 40001, 40010);
}
END_TEST

START_TEST(session_ends_with_a_file_open)
{
	struct engine_session *session;
	uint64_t size;

	bdb_store_fill(&store, 1, 100);
	session = begin();
	ck_assert_int_eq(
		bdb_host.engine.open(session, listed("sub/records.db"), 0, &size),
		STATUS_OK);
	bdb_host.engine.end(session);
	bdb_store_fill(&store, 101, 200);
}
END_TEST

/* ---- damage ---- */

static const DBTYPE types[] = {DB_BTREE, DB_HASH, DB_QUEUE, DB_RECNO, DB_HEAP};
enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

static void fill_any(DB *db, DBTYPE type)
{
	char text[200] = "text";

	for (uint32_t n = 1; n < 600; n++) {
		DB_HEAP_RID rid;
		db_recno_t recno;
		DBT key = {.data = &n, .size = sizeof(n)},
		    value = {.data = text, .size = sizeof(text)};
		u_int32_t flags = 0;

		if (type == DB_HEAP)
			key = (DBT){.data = &rid, .size = sizeof(rid)};
		else if (type != DB_BTREE && type != DB_HASH)
			key = (DBT){.data = &recno, .size = sizeof(recno)};
		if (type != DB_BTREE && type != DB_HASH) {
			flags = DB_APPEND;
			key.ulen = key.size;
			key.flags = DB_DBT_USERMEM;
		}
		ck_assert_int_eq(db->put(db, NULL, &key, &value, flags), 0);
	}
}

/* A database that the server has not in its cache, with a wrong byte in page NUMBER. */
static char *make_damaged(DBTYPE type, int number)
{
	DB *db = bdb_store_database(&store, "summed.db", type, DB_CHKSUM);
	char *path = support_path(store.data, "summed.db");
	int fd;

	fill_any(db, type);
	ck_assert_int_eq(db->close(db, 0), 0);
	bdb_store_close(&store);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "damage", 6, (off_t)number * PAGE + 200), 6);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(db_env_create(&store.env, 0), 0);
	ck_assert_int_eq(store.env->remove(store.env, store.data, DB_FORCE), 0);
	bdb_store_open(&store, 0);
	return path;
}

START_TEST(page_with_a_wrong_checksum_is_noticed_and_stops_no_server)
{
	/* A queue's pages are in its extents; those are numbered on. */
	const DBTYPE type = types[_i % TYPE_COUNT];
	char *path = make_damaged(type, type == DB_QUEUE ? 0 : _i / TYPE_COUNT);
	char *copy = support_path(store.base, "copy");
	struct engine_session *session = begin();

	ck_assert_int_eq(
		bdb_save_file(session, listed("summed.db"), copy), hrReadVerifyFailure);
	bdb_assert_detail(path);
	bdb_host.engine.close(session);
	ck_assert_int_eq(
		bdb_save_file(session, listed("sub/records.db"), copy), STATUS_OK);
	bdb_host.engine.end(session);
	bdb_store_fill(&store, 1, 100);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	free(path);
	free(copy);
}
END_TEST

START_TEST(databases_of_every_kind_come_whole)
{
	DB *db = bdb_store_database(&store, _i & 1 ? "sub/any.db" : "any.db",
		types[_i % TYPE_COUNT], _i < TYPE_COUNT ? 0 : DB_CHKSUM);
	struct engine_session *session;

	fill_any(db, types[_i % TYPE_COUNT]);
	session = begin();
	for (size_t i = 0; i < files.count; i++) {
		char *copy = support_path(store.base, "copy");
		status rc = bdb_save_file(session, &files.items[i], copy);

		ck_assert_msg(
			rc == STATUS_OK, "%s: %s", files.items[i].path, status_pending());
		ck_assert_msg(same_content(files.items[i].path, copy), "%s",
			files.items[i].path);
		free(copy);
	}
	if (types[_i % TYPE_COUNT] == DB_QUEUE)
		ck_assert_uint_gt(files.count, 3); /* its extents */
	bdb_host.engine.end(session);
	ck_assert_int_eq(db->close(db, 0), 0);
}
END_TEST

START_TEST(file_that_became_shorter_is_named)
{
	struct engine_session *session;
	struct streaming streaming;
	pthread_t thread;
	char *path = support_path(store.data, "sub/records.db");
	static char rest[1 << 16];
	uint64_t size;
	int from;

	bdb_store_fill(&store, 1, 3000);
	session = begin();
	ck_assert_int_eq(
		bdb_host.engine.open(session, listed("sub/records.db"), 0, &size),
		STATUS_OK);
	ck_assert_int_eq(truncate(path, 8192), 0);
	streaming.session = session;
	thread = stream_into(&streaming, &from);
	while (read(from, rest, sizeof(rest)) > 0)
		;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(streaming.rc, hrReadVerifyFailure);
	(void)close(from);
	bdb_host.engine.close(session);
	bdb_host.engine.end(session);
	free(path);
}
END_TEST

START_TEST(removed_database_is_not_found)
{
	struct engine_session *session;
	const struct engine_file *file;
	char *copy = support_path(store.base, "copy");
	DB *db = bdb_store_database(&store, "short-lived.db", DB_BTREE, 0);
	uint64_t size;

	ck_assert_int_eq(db->close(db, 0), 0);
	session = begin();
	file = listed("short-lived.db");
	ck_assert_int_eq(store.env->dbremove(
				 store.env, NULL, "short-lived.db", NULL, DB_AUTO_COMMIT),
		0);
	ck_assert_int_eq(bdb_host.engine.open(session, file, 0, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	bdb_assert_detail("short-lived.db");
	bdb_host.engine.end(session);
	free(copy);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_stream");
	TCase *tcase = tcase_create("stream");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, pages_that_were_in_the_cache_alone_are_in_the_copy);
	tcase_add_test(tcase, growth_after_open_is_left_to_the_logs);
	tcase_add_test(tcase, reader_that_stalls_holds_up_no_checkpoint_for_long);
	tcase_add_test(tcase, reader_that_goes_away_is_no_failure);
	tcase_add_test(tcase, session_ends_with_a_file_open);
	tcase_add_loop_test(tcase,
		page_with_a_wrong_checksum_is_noticed_and_stops_no_server, 0,
		3 * TYPE_COUNT);
	tcase_add_loop_test(tcase, databases_of_every_kind_come_whole, 0, 2 * TYPE_COUNT);
	tcase_add_test(tcase, file_that_became_shorter_is_named);
	tcase_add_test(tcase, removed_database_is_not_found);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
