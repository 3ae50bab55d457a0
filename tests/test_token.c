#include "session/token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "support.h"

#define TAKEN   1700000000
#define DAY     86400
#define UNKNOWN hrUnknownExpiryTokenFormat

static char name[] = "ds01.example", alias[] = "Old-Name", other[] = "ds02";
static char *aliases[] = {alias};
static struct server server;
static struct buffer token;

static void set_up(void)
{
	server = (struct server){.name = name,
		.aliases = {.items = aliases, .count = 1, .capacity = 1},
		.tombstone_days = 180};
	ck_assert_int_eq(token_make(&server, TAKEN, &token), STATUS_OK);
}

static void tear_down(void)
{
	buffer_free(&token);
}

static status check(const struct server *s, int64_t now)
{
	return token_check(s, token.data, token.size, now);
}

/* The format is read again by other versions: byte for byte what the header says. */
START_TEST(a_token_is_laid_out_as_documented)
{
	static const unsigned char head[] = {'B', 'K', 'T', 'O', 'K', 'E', 'N', 0, 1, 0,
		0, 0, 80, 0, 0, 0, 0x00, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 0x00, 0x3f, 0x41,
		0x66, 0, 0, 0, 0, 12, 0, 0, 0};
	uint8_t digest[SHA256_SIZE];

	ck_assert_uint_eq(token.size, 80);
	ck_assert_mem_eq(token.data, head, sizeof(head));
	ck_assert_mem_eq(token.data + 36, name, 12);
	sha256_bytes(token.data, 48, digest);
	ck_assert_mem_eq(token.data + 48, digest, sizeof(digest));
}
END_TEST

START_TEST(a_valid_one_is_good_to_the_last_second)
{
	ck_assert_int_eq(check(&server, TAKEN), STATUS_OK);
	ck_assert_int_eq(check(&server, TAKEN - DAY), STATUS_OK);
	ck_assert_int_eq(check(&server, TAKEN + 180 * DAY), STATUS_OK);
	ck_assert_int_eq(check(&server, TAKEN + 180 * DAY + 1), hrContentsExpired);
	ck_assert_ptr_nonnull(strstr(status_pending(), "0 days ago"));
	ck_assert_int_eq(check(&server, TAKEN + 190 * DAY), hrContentsExpired);
	ck_assert_ptr_nonnull(strstr(status_pending(), "10 days ago"));
	ck_assert_int_eq(check(&server, INT64_MAX), hrContentsExpired);
}
END_TEST

START_TEST(the_limit_is_that_of_the_backup_not_of_today)
{
	server.tombstone_days = 1;
	ck_assert_int_eq(check(&server, TAKEN + 180 * DAY), STATUS_OK);
	ck_assert_int_eq(token_make(&server, TAKEN, &token), STATUS_OK);
	ck_assert_int_eq(check(&server, TAKEN + DAY), STATUS_OK);
	ck_assert_int_eq(check(&server, TAKEN + DAY + 1), hrContentsExpired);
}
END_TEST

START_TEST(times_that_do_not_fit_never_expire)
{
	server.tombstone_days = UINT32_MAX;
	ck_assert_int_eq(token_make(&server, INT64_MAX - 1, &token), STATUS_OK);
	ck_assert_int_eq(check(&server, INT64_MAX), STATUS_OK);
}
END_TEST

START_TEST(names_compare_without_case)
{
	char upper[] = "DS01.EXAMPLE";

	server.name = upper;
	ck_assert_int_eq(check(&server, TAKEN), STATUS_OK);
}
END_TEST

START_TEST(an_alias_of_today_may_be_the_name_of_then)
{
	struct server renamed = server;

	server.name = alias;
	ck_assert_int_eq(token_make(&server, TAKEN, &token), STATUS_OK);
	ck_assert_int_eq(check(&renamed, TAKEN), STATUS_OK);
	renamed.aliases.count = 0;
	ck_assert_int_eq(check(&renamed, TAKEN), hrInvalidParam);
	ck_assert_ptr_nonnull(strstr(status_pending(), alias));
}
END_TEST

START_TEST(another_servers_is_refused_before_its_age_is)
{
	static char shorter[] = "ds01.exampl", longer[] = "ds01.example1", none[] = "";
	static char *const names[] = {other, shorter, longer, none};
	struct server another = {.tombstone_days = 180};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		another.name = names[i];
		ck_assert_int_eq(check(&another, TAKEN), hrInvalidParam);
		ck_assert_int_eq(check(&another, TAKEN + 999 * DAY), hrInvalidParam);
		ck_assert_ptr_nonnull(strstr(status_pending(), name));
	}
}
END_TEST

START_TEST(every_flipped_bit_is_damage)
{
	for (size_t i = 0; i < token.size * 8; i++) {
		token.data[i / 8] = (char)(token.data[i / 8] ^ (1 << i % 8));
		ck_assert_msg(check(&server, TAKEN) == UNKNOWN, "bit %zu", i);
		token.data[i / 8] = (char)(token.data[i / 8] ^ (1 << i % 8));
	}
	ck_assert_int_eq(check(&server, TAKEN), STATUS_OK);
}
END_TEST

/* In blocks of their own size, so that a read behind the end is found. */
START_TEST(every_cut_and_every_addition_is_damage)
{
	for (size_t size = 0; size < token.size + 100; size++) {
		char *block = calloc(1, size ? size : 1);

		ck_assert_ptr_nonnull(block);
		memcpy(block, token.data, size < token.size ? size : token.size);
		ck_assert_msg((token_check(&server, block, size, TAKEN) == STATUS_OK) ==
				      (size == token.size),
			"%zu bytes", size);
		if (size != token.size)
			ck_assert_int_eq(
				token_check(&server, block, size, TAKEN), UNKNOWN);
		free(block);
	}
}
END_TEST

static void sign(void)
{
	size_t covered = token.size - SHA256_SIZE;

	sha256_bytes(token.data, covered, (uint8_t *)token.data + covered);
}

START_TEST(what_does_not_fit_is_refused_though_its_checksum_is_right)
{
	static const struct {
		size_t at;
		char value;
	} cases[] = {{8, 0}, {8, 2}, {11, 1}, {12, 79}, {32, 11}, {32, 13}, {35, '\xff'}};

	token.data[cases[_i].at] = cases[_i].value;
	sign();
	ck_assert_int_eq(check(&server, TAKEN), UNKNOWN);
}
END_TEST

START_TEST(a_name_with_a_nul_in_it_is_not_the_one_before_it)
{
	struct server shorter = {.name = other};

	memcpy(token.data + 36, "ds02", 5);
	sign();
	ck_assert_int_eq(check(&shorter, TAKEN), hrInvalidParam);
}
END_TEST

START_TEST(a_foreign_name_cannot_write_lines_of_its_own)
{
	token.data[36] = '\n';
	sign();
	ck_assert_int_eq(check(&server, TAKEN), hrInvalidParam);
	ck_assert_ptr_null(strchr(status_pending(), '\n'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token");
	TCase *t = tcase_create("token");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_token_is_laid_out_as_documented);
	tcase_add_test(t, a_valid_one_is_good_to_the_last_second);
	tcase_add_test(t, the_limit_is_that_of_the_backup_not_of_today);
	tcase_add_test(t, times_that_do_not_fit_never_expire);
	tcase_add_test(t, names_compare_without_case);
	tcase_add_test(t, an_alias_of_today_may_be_the_name_of_then);
	tcase_add_test(t, another_servers_is_refused_before_its_age_is);
	tcase_add_test(t, every_flipped_bit_is_damage);
	tcase_add_test(t, every_cut_and_every_addition_is_damage);
	tcase_add_loop_test(
		t, what_does_not_fit_is_refused_though_its_checksum_is_right, 0, 7);
	tcase_add_test(t, a_name_with_a_nul_in_it_is_not_the_one_before_it);
	tcase_add_test(t, a_foreign_name_cannot_write_lines_of_its_own);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
