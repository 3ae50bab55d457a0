/* The bodies of the messages of sessions: what is packed comes back, and nothing else is
 * accepted. */
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

/* GET refuses the packed body cut anywhere, and with a byte too many. */
static void assert_whole_only(status (*get)(const struct message *message))
{
	struct message message = packed();

	ck_assert_int_eq(get(&message), STATUS_OK);
	for (size_t size = 0; size < body.size; size++) {
		/* A block of exactly this size, so that valgrind and ASan see one byte
		 * more. */
		message.data = malloc(size ? size : 1);
		ck_assert_ptr_nonnull(message.data);
		memcpy(message.data, body.data, size);
		message.size = size;
		ck_assert_msg(get(&message) == hrCommunicationError, "cut at %zu", size);
		free(message.data);
	}
	buffer_add(&body, "", 1);
	message = packed();
	ck_assert_int_eq(get(&message), hrCommunicationError);
}

static status get_begin(const struct message *message)
{
	struct engine_begin how;

	return protocol_get_begin(message, &how);
}

static status get_recover(const struct message *message)
{
	struct recover_request request;
	status rc = protocol_get_recover(message, &request);

	recover_request_free(&request);
	return rc;
}

static status get_open(const struct message *message)
{
	struct engine_file file;
	status rc = protocol_get_open(message, &file);

	free(file.path);
	return rc;
}

static status get_opened(const struct message *message)
{
	struct opened opened;

	return protocol_get_opened(message, &opened);
}

static status get_generation(const struct message *message)
{
	uint32_t generation;

	return protocol_get_generation(message, &generation);
}

/* ---- recover ---- */

static char home[] = "/srv/db", log_dir[] = "/srv/logs", a[] = "/srv/db/a.db";
static char *paths[] = {a};
static const struct names databases = {.items = paths, .count = 1};

static struct engine_recovery make_recovery(void)
{
	return (struct engine_recovery){.databases = &databases,
		.home = home,
		.log_dir = log_dir,
		.low = 7,
		.high = UINT32_MAX};
}

START_TEST(recovery_comes_back)
{
	const struct engine_recovery recovery = make_recovery();
	struct recover_request request;
	struct message message;

	protocol_put_recover(&body, &recovery);
	message = packed();
	ck_assert_int_eq(protocol_get_recover(&message, &request), STATUS_OK);
	ck_assert_uint_eq(request.databases.count, 1);
	ck_assert_str_eq(request.databases.items[0], a);
	ck_assert_str_eq(request.home, home);
	ck_assert_str_eq(request.log_dir, log_dir);
	ck_assert_ptr_null(request.system_dir);
	ck_assert_uint_eq(request.low, 7);
	ck_assert_uint_eq(request.high, UINT32_MAX);
	recover_request_free(&request);
	assert_whole_only(get_recover);
}
END_TEST

START_TEST(recovery_needs_sound_ranges_and_directories)
{
	static char relative[] = "srv", empty[] = "";
	struct engine_recovery wrong[5];

	for (size_t i = 0; i < 5; i++)
		wrong[i] = make_recovery();
	wrong[0].low = 8;
	wrong[0].high = 7;
	wrong[1].low = 0;
	wrong[2].home = relative;
	wrong[3].log_dir = empty;
	wrong[4].system_dir = relative;
	for (size_t i = 0; i < 5; i++) {
		struct message message;

		buffer_clear(&body);
		protocol_put_recover(&body, &wrong[i]);
		message = packed();
		ck_assert_msg(
			get_recover(&message) == hrCommunicationError, "case %zu", i);
	}
}
END_TEST

/* ---- sessions ---- */

START_TEST(begin_comes_back)
{
	const struct engine_begin how = {
		.incremental = true, .first_generation = 0xdeadbeef};
	struct engine_begin got;
	struct message message;

	protocol_put_begin(&body, &how);
	message = packed();
	ck_assert_int_eq(protocol_get_begin(&message, &got), STATUS_OK);
	ck_assert(got.incremental);
	ck_assert_uint_eq(got.first_generation, 0xdeadbeef);
	assert_whole_only(get_begin);
}
END_TEST

START_TEST(open_comes_back)
{
	const struct engine_file file = {.path = a, .kind = ENGINE_LOG};
	struct engine_file got;
	struct message message;

	protocol_put_open(&body, &file);
	message = packed();
	ck_assert_int_eq(protocol_get_open(&message, &got), STATUS_OK);
	ck_assert_str_eq(got.path, a);
	ck_assert_int_eq(got.kind, ENGINE_LOG);
	free(got.path);
	assert_whole_only(get_open);
}
END_TEST

START_TEST(open_needs_a_sound_path_and_a_kind)
{
	static char climbing[] = "/srv/../etc/shadow", relative[] = "a.db";
	const struct engine_file wrong[] = {{.path = climbing}, {.path = relative}, {0},
		{.path = a, .kind = (enum engine_file_kind)(ENGINE_PATCH + 1)}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct message message;

		buffer_clear(&body);
		protocol_put_open(&body, &wrong[i]);
		message = packed();
		ck_assert_msg(get_open(&message) == hrCommunicationError, "case %zu", i);
	}
}
END_TEST

START_TEST(opened_comes_back)
{
	const struct opened opened = {.size = INT64_MAX, .pipe = true};
	struct opened got;
	struct message message;

	protocol_put_opened(&body, &opened);
	message = packed();
	ck_assert_int_eq(protocol_get_opened(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got.size, INT64_MAX);
	ck_assert(got.pipe);
	assert_whole_only(get_opened);
}
END_TEST

START_TEST(opened_is_no_larger_than_a_file_can_be)
{
	const struct opened opened = {.size = (uint64_t)INT64_MAX + 1};
	struct message message;

	protocol_put_opened(&body, &opened);
	message = packed();
	ck_assert_int_eq(get_opened(&message), hrCommunicationError);
	buffer_clear(&body);
	buffer_u64(&body, 1);
	buffer_u32(&body, 2); /* neither a pipe nor none */
	message = packed();
	ck_assert_int_eq(get_opened(&message), hrCommunicationError);
}
END_TEST

START_TEST(truncation_comes_back)
{
	struct message message;
	uint32_t got;

	buffer_u32(&body, 4711);
	message = packed();
	ck_assert_int_eq(protocol_get_generation(&message, &got), STATUS_OK);
	ck_assert_uint_eq(got, 4711);
	assert_whole_only(get_generation);
}
END_TEST

/* ---- lists ---- */

struct seen {
	unsigned count;
	struct engine_file last;
	char path[PROTOCOL_PATH_LIMIT + 1];
	status answer;
};

static status see(void *context, const struct engine_file *file)
{
	struct seen *seen = context;

	seen->count++;
	seen->last = *file;
	(void)strcpy(seen->path, file->path);
	return seen->answer;
}

START_TEST(files_come_back_one_by_one)
{
	const struct engine_file file = {
		.path = a, .kind = ENGINE_LOG, .generation = 3, .size = INT64_MAX};
	struct seen seen = {0};
	struct message message;

	protocol_put_file(&body, &file);
	protocol_put_file(&body, &file);
	message = packed();
	ck_assert_int_eq(protocol_get_files(&message, see, &seen), STATUS_OK);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_str_eq(seen.path, a);
	ck_assert_int_eq(seen.last.kind, ENGINE_LOG);
	ck_assert_uint_eq(seen.last.generation, 3);
	ck_assert_uint_eq(seen.last.size, INT64_MAX);
	seen = (struct seen){.answer = hrInvalidParam};
	ck_assert_int_eq(protocol_get_files(&message, see, &seen), hrInvalidParam);
	ck_assert_uint_eq(seen.count, 1);
	for (size_t cut = 1; cut < body.size / 2; cut++) {
		message.size = body.size - cut;
		seen = (struct seen){0};
		ck_assert_int_eq(
			protocol_get_files(&message, see, &seen), hrCommunicationError);
		ck_assert_uint_eq(seen.count, 1);
	}
	message.size = 0;
	seen = (struct seen){0};
	ck_assert_int_eq(protocol_get_files(&message, see, &seen), STATUS_OK);
	ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(files_must_be_possible)
{
	static char parent[] = "/srv/..", root[] = "/", relative[] = "a.db";
	const struct engine_file wrong[] = {
		{.path = parent},
		{.path = root},
		{.path = relative},
		{0},
		{.path = a, .kind = (enum engine_file_kind)(ENGINE_PATCH + 1)},
		{.path = a, .kind = ENGINE_DATABASE, .generation = 1},
		{.path = a, .kind = ENGINE_PATCH, .generation = 1},
		{.path = a, .kind = ENGINE_LOG},
		{.path = a, .size = (uint64_t)INT64_MAX + 1},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct seen seen = {0};
		struct message message;

		buffer_clear(&body);
		protocol_put_file(&body, &wrong[i]);
		message = packed();
		ck_assert_msg(
			protocol_get_files(&message, see, &seen) == hrCommunicationError,
			"case %zu", i);
		ck_assert_uint_eq(seen.count, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("protocol_session");
	TCase *tc = tcase_create("protocol_session");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, recovery_comes_back);
	tcase_add_test(tc, recovery_needs_sound_ranges_and_directories);
	tcase_add_test(tc, begin_comes_back);
	tcase_add_test(tc, open_comes_back);
	tcase_add_test(tc, open_needs_a_sound_path_and_a_kind);
	tcase_add_test(tc, opened_comes_back);
	tcase_add_test(tc, opened_is_no_larger_than_a_file_can_be);
	tcase_add_test(tc, truncation_comes_back);
	tcase_add_test(tc, files_come_back_one_by_one);
	tcase_add_test(tc, files_must_be_possible);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
