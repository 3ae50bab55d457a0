/* The bodies of messages: what is packed comes back, and nothing else is accepted. */
#include <stdlib.h>
#include <string.h>

#include "engine/protocol.h"
#include "support.h"

static struct buffer body;

static void setup(void)
{
	body = (struct buffer){0};
}

static void teardown(void)
{
	buffer_free(&body);
}

static struct message packed(void)
{
	ck_assert(!buffer_failed(&body));
	return (struct message){
		.data = (unsigned char *)body.data, .size = body.size, .fd = -1};
}

static struct hello make_hello(void)
{
	static char version[] = "1.0.0", engine[] = "sqlite", a[] = "/a/*.db",
		    b[] = "/b \xff";
	static char log_dir[] = "/log", spool_dir[] = "/spool", empty[] = "";
	static char *items[] = {a, b};

	return (struct hello){.protocol = PROTOCOL_VERSION,
		.version = version,
		.engine = engine,
		.uid = 65534,
		.gid = 100,
		.store = {.databases = {.items = items, .count = 2},
			.log_dir = log_dir,
			.spool_dir = spool_dir,
			.log_base = empty,
			.verify_report = true}};
}

START_TEST(hello_comes_back)
{
	struct hello sent = make_hello(), got;
	struct message message;

	protocol_put_hello(&body, &sent);
	message = packed();
	ck_assert_int_eq(protocol_get_hello(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got.protocol, PROTOCOL_VERSION);
	ck_assert_str_eq(got.version, "1.0.0");
	ck_assert_str_eq(got.engine, "sqlite");
	ck_assert_uint_eq(got.uid, 65534);
	ck_assert_uint_eq(got.gid, 100);
	ck_assert_ptr_null(got.store.engine);
	ck_assert_uint_eq(got.store.databases.count, 2);
	ck_assert_str_eq(got.store.databases.items[0], "/a/*.db");
	ck_assert_str_eq(got.store.databases.items[1], "/b \xff");
	ck_assert_str_eq(got.store.log_dir, "/log");
	ck_assert_ptr_null(got.store.system_dir);
	ck_assert_str_eq(got.store.log_base, "");
	ck_assert_str_eq(got.store.spool_dir, "/spool");
	ck_assert(got.store.verify_report);
	ck_assert(!got.store.compact);
	hello_free(&got);
}
END_TEST

START_TEST(hello_cut_anywhere_or_too_long_is_refused)
{
	struct hello sent = make_hello(), got;
	struct message message;

	protocol_put_hello(&body, &sent);
	message = packed();
	for (size_t size = 0; size < body.size; size++) {
		/* A block of exactly this size, so that valgrind and ASan see one byte
		 * more. */
		message.data = malloc(size ? size : 1);
		ck_assert_ptr_nonnull(message.data);
		memcpy(message.data, body.data, size);
		message.size = size;
		ck_assert_int_eq(
			protocol_get_hello(&message, &got), hrCommunicationError);
		hello_free(&got);
		free(message.data);
	}
	buffer_add(&body, "", 1);
	message = packed();
	ck_assert_int_eq(protocol_get_hello(&message, &got), hrCommunicationError);
	hello_free(&got);
}
END_TEST

START_TEST(hello_of_another_protocol_is_read_up_to_its_version)
{
	struct message message;
	struct hello got;

	buffer_u32(&body, PROTOCOL_MAGIC);
	buffer_u32(&body, PROTOCOL_VERSION + 1);
	protocol_put_text(&body, "9.9");
	buffer_text(&body, "things that nobody here knows");
	message = packed();
	ck_assert_int_eq(protocol_get_hello(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got.protocol, PROTOCOL_VERSION + 1);
	ck_assert_str_eq(got.version, "9.9");
	ck_assert_ptr_null(got.engine);
	hello_free(&got);
}
END_TEST

START_TEST(hello_with_other_magic_is_refused)
{
	struct hello sent = make_hello(), got;
	struct message message;

	protocol_put_hello(&body, &sent);
	body.data[0] ^= 1;
	message = packed();
	ck_assert_int_eq(protocol_get_hello(&message, &got), hrCommunicationError);
	hello_free(&got);
}
END_TEST

START_TEST(relative_database_is_refused)
{
	struct hello sent = make_hello(), got;
	static char relative[] = "ca.db";
	struct message message;

	sent.store.databases.items[1] = relative;
	protocol_put_hello(&body, &sent);
	message = packed();
	ck_assert_int_eq(protocol_get_hello(&message, &got), hrCommunicationError);
	hello_free(&got);
}
END_TEST

START_TEST(text_with_a_nul_inside_is_refused)
{
	struct message message;
	char *path;

	buffer_u32(&body, 4);
	buffer_add(&body, "/a\0b", 4);
	message = packed();
	ck_assert_int_eq(protocol_get_path(&message, &path), hrCommunicationError);
	ck_assert_ptr_null(path);
}
END_TEST

START_TEST(enormous_counts_and_lengths_are_refused_at_once)
{
	static const uint32_t lengths[] = {
		UINT32_MAX - 1, 0x7fffffff, PROTOCOL_TEXT_LIMIT + 1};
	struct recover_request request;
	struct message message;
	char *path;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		buffer_clear(&body);
		buffer_u32(&body, lengths[i]);
		buffer_text(&body, "/x");
		message = packed();
		ck_assert_int_eq(
			protocol_get_path(&message, &path), hrCommunicationError);
		ck_assert_ptr_null(path);
		ck_assert_int_eq(
			protocol_get_recover(&message, &request), hrCommunicationError);
		recover_request_free(&request);
	}
}
END_TEST

START_TEST(result_carries_code_and_detail)
{
	struct message message;
	struct result result;

	protocol_put_result(&body, hrDatabaseCorrupted, "ca.db: malformed");
	message = packed();
	ck_assert_int_eq(protocol_get_result(&message, &result), STATUS_OK);
	ck_assert_int_eq(result.code, hrDatabaseCorrupted);
	ck_assert_str_eq(result.detail, "ca.db: malformed");
	free(result.detail);
}
END_TEST

START_TEST(result_that_is_neither_success_nor_failure_is_refused)
{
	struct message message;
	struct result result;

	protocol_put_result(&body, 1, "");
	message = packed();
	ck_assert_int_eq(protocol_get_result(&message, &result), hrCommunicationError);
	free(result.detail);
}
END_TEST

START_TEST(detail_of_any_length_fits)
{
	char *detail = malloc(100001);
	struct message message;
	struct result result;

	ck_assert_ptr_nonnull(detail);
	memset(detail, 'x', 100000);
	detail[100000] = '\0';
	protocol_put_result(&body, hrError, detail);
	message = packed();
	ck_assert_int_eq(protocol_get_result(&message, &result), STATUS_OK);
	ck_assert_uint_eq(strlen(result.detail), PROTOCOL_DETAIL_LIMIT);
	free(result.detail);
	free(detail);
}
END_TEST

static struct names three(const char *a, const char *b, const char *c)
{
	struct names names = {0};

	ck_assert_int_eq(names_add(&names, a), STATUS_OK);
	ck_assert_int_eq(names_add(&names, b), STATUS_OK);
	ck_assert_int_eq(names_add(&names, c), STATUS_OK);
	return names;
}

START_TEST(probe_and_its_answer_come_back)
{
	struct names paths = three("/a", "/b c", "/\xff"),
		     engines = three("flat", "", "ese");
	struct names got = {0};
	struct message message;

	protocol_put_names(&body, &paths);
	message = packed();
	ck_assert_int_eq(protocol_get_probe(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got.count, 3);
	ck_assert_str_eq(got.items[2], "/\xff");
	names_free(&got);
	buffer_clear(&body);
	protocol_put_names(&body, &engines);
	message = packed();
	ck_assert_int_eq(protocol_get_probe(&message, &got), hrCommunicationError);
	names_free(&got);
	ck_assert_int_eq(protocol_get_engines(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got.count, 3);
	ck_assert_str_eq(got.items[0], "flat");
	ck_assert_str_eq(got.items[1], "");
	names_free(&got);
	names_free(&paths);
	names_free(&engines);
}
END_TEST

START_TEST(flag_that_is_neither_yes_nor_no_is_refused)
{
	struct engine_begin got;
	struct message message;

	buffer_u32(&body, 2);
	buffer_u32(&body, 0);
	message = packed();
	ck_assert_int_eq(protocol_get_begin(&message, &got), hrCommunicationError);
}
END_TEST

struct seen {
	unsigned count;
	struct spool_entry last;
	char path[PROTOCOL_PATH_LIMIT + 1];
	status answer;
};

static status see(void *context, const struct spool_entry *entry)
{
	struct seen *seen = context;

	seen->count++;
	seen->last = *entry;
	(void)strcpy(seen->path, entry->path);
	return seen->answer;
}

START_TEST(index_comes_back_entry_by_entry)
{
	static char path[] = "/srv/ca.db";
	const struct spool_entry entry = {
		.path = path, .offset = UINT64_MAX, .size = 1ull << 40};
	struct seen seen = {0};
	struct message message;

	protocol_put_entry(&body, &entry);
	protocol_put_entry(&body, &entry);
	message = packed();
	ck_assert_int_eq(protocol_get_index(&message, see, &seen), STATUS_OK);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_str_eq(seen.path, path);
	ck_assert_uint_eq(seen.last.offset, UINT64_MAX);
	ck_assert_uint_eq(seen.last.size, 1ull << 40);
	seen = (struct seen){.answer = hrInvalidParam};
	ck_assert_int_eq(protocol_get_index(&message, see, &seen), hrInvalidParam);
	ck_assert_uint_eq(seen.count, 1);
	message.size--;
	seen = (struct seen){0};
	ck_assert_int_eq(protocol_get_index(&message, see, &seen), hrCommunicationError);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(index_path_must_be_sound)
{
	static const char *const bad[] = {"", "ca.db", "/srv/../etc/shadow", "/srv/..",
		"/..", "/srv/./ca.db", "/srv//ca.db", "/srv/", "/"};
	static const char *const good[] = {
		"/a", "/srv/..ca.db", "/srv/.hidden/x..", "/\xff\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen seen = {0};
		struct message message;

		buffer_clear(&body);
		protocol_put_text(&body, bad[i]);
		buffer_u64(&body, 0);
		buffer_u64(&body, 0);
		message = packed();
		ck_assert_msg(
			protocol_get_index(&message, see, &seen) == hrCommunicationError,
			"%s was accepted", bad[i]);
		ck_assert_uint_eq(seen.count, 0);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(protocol_path_is_sound(good[i]), "%s was refused", good[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("protocol");
	TCase *tcase = tcase_create("protocol");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, hello_comes_back);
	tcase_add_test(tcase, hello_cut_anywhere_or_too_long_is_refused);
	tcase_add_test(tcase, hello_of_another_protocol_is_read_up_to_its_version);
	tcase_add_test(tcase, hello_with_other_magic_is_refused);
	tcase_add_test(tcase, relative_database_is_refused);
	tcase_add_test(tcase, text_with_a_nul_inside_is_refused);
	tcase_add_test(tcase, enormous_counts_and_lengths_are_refused_at_once);
	tcase_add_test(tcase, result_carries_code_and_detail);
	tcase_add_test(tcase, result_that_is_neither_success_nor_failure_is_refused);
	tcase_add_test(tcase, detail_of_any_length_fits);
	tcase_add_test(tcase, probe_and_its_answer_come_back);
	tcase_add_test(tcase, flag_that_is_neither_yes_nor_no_is_refused);
	tcase_add_test(tcase, index_comes_back_entry_by_entry);
	tcase_add_test(tcase, index_path_must_be_sound);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
