#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "certbcli_calls.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

/* ---- version, errors ---- */

START_TEST(version_is_the_projects)
{
	ck_assert_str_eq(backupapi_version(), BACKUPAPI_VERSION);
}
END_TEST

static void *other_thread(void *unused)
{
	(void)unused;
	return (void *)(uintptr_t)backupapi_get_last_error();
}

START_TEST(last_error_is_the_threads_own)
{
	pthread_t thread;
	void *seen = POISON;

	ck_assert_uint_eq(backupapi_get_last_error(), 0);
	ck_assert_str_eq(backupapi_error_detail(), "");
	FAILS(backupapi_recover("nobody"), WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, &seen), 0);
	ck_assert_ptr_null(seen);
	backupapi_set_last_error(7);
	ck_assert_uint_eq(backupapi_get_last_error(), 7);
	ck_assert_str_eq(backupapi_error_detail(), "");
}
END_TEST

START_TEST(codes_have_names_and_sentences)
{
	ck_assert_str_eq(backupapi_error_name(hrBackupInProgress), "hrBackupInProgress");
	ck_assert_str_eq(
		backupapi_error_name(WIN32(ERROR_ACCESS_DENIED)), "ERROR_ACCESS_DENIED");
	ck_assert_str_eq(
		backupapi_error_name(ERROR_ACCESS_DENIED), "ERROR_ACCESS_DENIED");
	ck_assert_str_ne(backupapi_error_text(hrBackupInProgress), "");
	ck_assert_ptr_nonnull(backupapi_error_name(0x12345678));
	ck_assert_ptr_nonnull(backupapi_error_text(0x12345678));
	ck_assert_ptr_nonnull(backupapi_error_text(INT32_MIN));
}
END_TEST

/* ---- memory ---- */

struct refusal {
	uint32_t memory;
	void *pointer;
	int count;
};

static void note_refusal(void *context, uint32_t memory, void *pointer)
{
	struct refusal *r = context;

	r->memory = memory;
	r->pointer = pointer;
	r->count++;
}

START_TEST(refused_frees_reach_the_handler_and_the_count)
{
	struct refusal seen = {0};
	struct backupapi_memory_stats before, after;
	int on_stack;

	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before));
	backupapi_set_invalid_free_handler(note_refusal, &seen);
	backupapi_set_last_error(OTHER_ERROR);
	backupapi_free(NULL);
	ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);
	ck_assert_int_eq(seen.count, 0);
	backupapi_free(&on_stack);
	ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
	ck_assert_int_eq(seen.count, 1);
	ck_assert_uint_eq(seen.memory, BACKUPAPI_MEMORY_NATIVE);
	ck_assert_ptr_eq(seen.pointer, &on_stack);
	CertSrvBackupFree(&seen);
	ck_assert_int_eq(seen.count, 2);
	ck_assert_uint_eq(seen.memory, BACKUPAPI_MEMORY_CERTSRV);
	backupapi_set_invalid_free_handler(NULL, &seen);
	backupapi_free(&on_stack);
	ck_assert_int_eq(seen.count, 2);
	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after));
	ck_assert_uint_eq(after.refused_frees, before.refused_frees + 2);
}
END_TEST

static void ignore_refusal(void *context, uint32_t memory, void *pointer)
{
	(void)context;
	(void)memory;
	(void)pointer;
}

static void *keep_setting(void *stop)
{
	while (!atomic_load((atomic_bool *)stop))
		backupapi_set_invalid_free_handler(ignore_refusal, NULL);
	return NULL;
}

/* A child inherits no lock that another thread held when it was forked. */
START_TEST(a_child_forked_while_the_handler_is_set_may_free)
{
	const int times = support_under_valgrind() ? 30 : 300;
	atomic_bool stop = false;
	pthread_t thread;

	backupapi_set_invalid_free_handler(ignore_refusal, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, keep_setting, &stop), 0);
	for (int i = 0; i < times; i++) {
		pid_t pid = fork();
		int how;

		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			char block;

			(void)alarm(30);
			backupapi_free(&block);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &how, 0), pid);
		ck_assert_int_eq(how, 0);
	}
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	backupapi_set_invalid_free_handler(NULL, NULL);
}
END_TEST

START_TEST(native_free_takes_native_blocks_only)
{
	static const enum alloc_family families[] = {ALLOC_CERTSRV, ALLOC_DS, ALLOC_SIS};
	char *name;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		void *block = alloc_block(families[i], 8);

		backupapi_set_last_error(OTHER_ERROR);
		backupapi_free(block);
		ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
		ck_assert(alloc_free(families[i], block));
	}
	GIVES(name, backupapi_path_from_name_a("/a"));
	backupapi_set_last_error(OTHER_ERROR);
	backupapi_free(name + 1);
	ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
	backupapi_set_last_error(OTHER_ERROR);
	backupapi_free(name);
	ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);
	backupapi_free(name);
	ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
}
END_TEST

START_TEST(memory_stats_count_blocks_and_bytes)
{
	struct backupapi_memory_stats before, with, after;
	char *path;

	memset(&after, 0x5a, sizeof(after));
	FAILS(backupapi_get_memory_stats(4, &after), WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(after.live_blocks, 0);
	FAILS(backupapi_get_memory_stats(0xffffffff, &after),
		WIN32(ERROR_INVALID_PARAMETER));
	FAILS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before));
	GIVES(path, backupapi_path_from_name_a("/abc"));
	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &with));
	ck_assert_uint_eq(with.live_blocks, before.live_blocks + 1);
	ck_assert_uint_eq(with.live_bytes, before.live_bytes + 5);
	backupapi_free(path);
	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after));
	ck_assert_uint_eq(after.live_blocks, before.live_blocks);
	ck_assert_uint_eq(after.live_bytes, before.live_bytes);
}
END_TEST

/* ---- names ---- */

static void path_is(const WCHAR *name, const char *narrow, const char *expected)
{
	char *path;

	GIVES(path, backupapi_path_from_name(name));
	ck_assert_str_eq(path, expected);
	backupapi_free(path);
	GIVES(path, backupapi_path_from_name_a(narrow));
	ck_assert_str_eq(path, expected);
	backupapi_free(path);
}

START_TEST(names_lead_to_paths)
{
	const char *index = store_path(store, "index.txt");

	path_is(L"/a/b", "/a/b", "/a/b");
	path_is(L"D/a/b", "D/a/b", "/a/b");
	path_is(L"\x82/logs", "\x82/logs", "/logs");
	path_is(L"\\\\any\\posix$\\a\\b", "\\\\any\\posix$\\a\\b", "/a/b");
	path_is(L"!\\\\any\\posix$\\a\\b", "!\\\\any\\posix$\\a\\b", "/a/b");
	path_is(L"\\\\ca01\\certs\\index.txt", "\\\\ca01\\certs\\index.txt", index);
	path_is(L"D\\\\CA01\\certs\\index.txt", "D\\\\CA01\\certs\\index.txt", index);
}
END_TEST

START_TEST(what_is_no_name_leads_nowhere)
{
	static const char *const names[] = {"", "D", "relative", "/a/../b", "/..", "\\\\",
		"\\\\h", "\\\\any\\posix$\\..\\b", "\\\\ca01\\nothing\\x",
		"\\\\any\\share\\x", "\\\\ca01\\certs\\..\\x", "C:\\x"};
	static const WCHAR beyond_unicode[] = {L'/', 0x110000, 0};
	WCHAR wide[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		GIVES_NULL(
			backupapi_path_from_name_a(names[i]), WIN32(ERROR_INVALID_NAME));
		(void)swprintf(wide, 64, L"%hs", names[i]);
		GIVES_NULL(backupapi_path_from_name(wide), WIN32(ERROR_INVALID_NAME));
	}
	GIVES_NULL(backupapi_path_from_name(NULL), WIN32(ERROR_INVALID_PARAMETER));
	GIVES_NULL(backupapi_path_from_name_a(NULL), WIN32(ERROR_INVALID_PARAMETER));
	GIVES_NULL(backupapi_path_from_name(beyond_unicode),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
}
END_TEST

START_TEST(paths_and_names_round_trip)
{
	static const char *const paths[] = {"/", "/a", "/a\\b/c", "/\x80\xff",
		"/\xef\x81\x9c", "/\xed\xb2\x80", "/\xf0\x9f\x94\x91", "/a b\n"};
	char *back, *narrow;
	WCHAR *wide;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		GIVES(wide, backupapi_name_from_path("ca01", paths[i]));
		ck_assert(wcsncmp(wide, L"\\\\ca01\\posix$", 13) == 0);
		GIVES(back, backupapi_path_from_name(wide));
		ck_assert_str_eq(back, paths[i]);
		backupapi_free(back);
		backupapi_free(wide);
		GIVES(narrow, backupapi_name_from_path_a(NULL, paths[i]));
		GIVES(back, backupapi_path_from_name_a(narrow));
		ck_assert_str_eq(back, paths[i]);
		backupapi_free(back);
		backupapi_free(narrow);
	}
	GIVES(narrow, backupapi_name_from_path_a("CA01", store_path(store, "serial")));
	ck_assert_str_eq(narrow, "\\\\ca01\\certs\\serial");
	backupapi_free(narrow);
}
END_TEST

START_TEST(a_path_of_4096_bytes_round_trips)
{
	char path[4097], *back;
	WCHAR *wide;

	for (size_t i = 0; i < 4096; i++)
		path[i] = i % 64 == 0 ? '/' : i % 3 == 0 ? '\\' : '\x90';
	path[4096] = '\0';
	GIVES(wide, backupapi_name_from_path("ca01", path));
	GIVES(back, backupapi_path_from_name(wide));
	ck_assert_str_eq(back, path);
	backupapi_free(back);
	backupapi_free(wide);
}
END_TEST

START_TEST(name_from_path_refuses_bad_arguments)
{
	GIVES_NULL(
		backupapi_name_from_path("ca01", NULL), WIN32(ERROR_INVALID_PARAMETER));
	GIVES_NULL(
		backupapi_name_from_path_a("ca01", NULL), WIN32(ERROR_INVALID_PARAMETER));
	GIVES_NULL(backupapi_name_from_path("ca01", ""), WIN32(ERROR_INVALID_NAME));
	GIVES_NULL(backupapi_name_from_path_a("ca01", "a/b"), WIN32(ERROR_INVALID_NAME));
	GIVES_NULL(backupapi_name_from_path("nobody", "/a"),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	GIVES_NULL(backupapi_name_from_path_a("nobody", "/a"),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
}
END_TEST

START_TEST(a_store_without_logs_has_no_generations)
{
	uint32_t generation = POISON_SIZE;

	FAILS(backupapi_log_generation(NULL, L"/x/log.1", &generation),
		WIN32(ERROR_NOT_SUPPORTED));
	ck_assert_uint_eq(generation, 0);
	generation = POISON_SIZE;
	FAILS(backupapi_log_generation(NULL, NULL, &generation),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(generation, 0);
	FAILS(backupapi_log_generation(NULL, L"/x", NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	generation = POISON_SIZE;
	FAILS(backupapi_log_generation("nobody", L"/x", &generation),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_uint_eq(generation, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backupapi");
	TCase *tc = tcase_create("native");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, version_is_the_projects);
	tcase_add_test(tc, last_error_is_the_threads_own);
	tcase_add_test(tc, codes_have_names_and_sentences);
	tcase_add_test(tc, refused_frees_reach_the_handler_and_the_count);
	tcase_add_test(tc, a_child_forked_while_the_handler_is_set_may_free);
	tcase_add_test(tc, native_free_takes_native_blocks_only);
	tcase_add_test(tc, memory_stats_count_blocks_and_bytes);
	tcase_add_test(tc, names_lead_to_paths);
	tcase_add_test(tc, what_is_no_name_leads_nowhere);
	tcase_add_test(tc, paths_and_names_round_trip);
	tcase_add_test(tc, a_path_of_4096_bytes_round_trips);
	tcase_add_test(tc, name_from_path_refuses_bad_arguments);
	tcase_add_test(tc, a_store_without_logs_has_no_generations);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
