#include "engine/ese_names.h"

#include <stdlib.h>

#include "support.h"

static const struct {
	const char *name;
	enum ese_name_kind kind;
	const char *base;
	uint32_t generation;
} cases[] = {
	{"edb.log", ESE_NAME_CURRENT_LOG, "edb", 0},
	{"EDB.LOG", ESE_NAME_CURRENT_LOG, "EDB", 0},
	{"V01.jtx", ESE_NAME_CURRENT_LOG, "V01", 0},
	{"edb00001.log", ESE_NAME_LOG, "edb", 1},
	{"SRU0004E.log", ESE_NAME_LOG, "SRU", 0x4e},
	{"sru0004e.LOG", ESE_NAME_LOG, "sru", 0x4e},
	{"V010fffff.log", ESE_NAME_OTHER, "", 0}, /* six digits */
	{"V01fffff.log", ESE_NAME_LOG, "V01", 0xfffff},
	{"V0100100000.log", ESE_NAME_LOG, "V01", 0x100000},
	{"V010000004e.jtx", ESE_NAME_LOG, "V01", 0x4e},
	{"edb7fffffff.log", ESE_NAME_LOG, "edb", 0x7fffffff},
	{"edb80000000.log", ESE_NAME_OTHER, "", 0},
	{"edb00000.log", ESE_NAME_OTHER, "", 0},
	{"edb0000g.log", ESE_NAME_OTHER, "", 0},
	{"edb0001.log", ESE_NAME_OTHER, "", 0},
	{"edb0000001.log", ESE_NAME_OTHER, "", 0},
	{"edb.chk", ESE_NAME_CHECKPOINT, "edb", 0},
	{"SRU.CHK", ESE_NAME_CHECKPOINT, "SRU", 0},
	{"e00.jcp", ESE_NAME_CHECKPOINT, "e00", 0},
	{"edb1.chk", ESE_NAME_OTHER, "", 0},
	{"edbtmp.log", ESE_NAME_TEMPORARY_LOG, "edb", 0},
	{"SRUtmp.jtx", ESE_NAME_TEMPORARY_LOG, "SRU", 0},
	{"res1.log", ESE_NAME_RESERVE_LOG, "", 0},
	{"RES2.LOG", ESE_NAME_RESERVE_LOG, "", 0},
	{"res3.log", ESE_NAME_OTHER, "", 0},
	{"edbres00001.jrs", ESE_NAME_RESERVE_LOG, "edb", 0},
	{"SRUres00002.jrs", ESE_NAME_RESERVE_LOG, "SRU", 0},
	{"edb00001.log.part-5", ESE_NAME_OTHER, "", 0},
	{"ed.log", ESE_NAME_OTHER, "", 0},
	{".log", ESE_NAME_OTHER, "", 0},
	{"edb", ESE_NAME_OTHER, "", 0},
	{"edb.", ESE_NAME_OTHER, "", 0},
	{"", ESE_NAME_OTHER, "", 0},
	{".", ESE_NAME_OTHER, "", 0},
	{"..", ESE_NAME_OTHER, "", 0},
	{"ntds.dit", ESE_NAME_OTHER, "", 0},
	{"edb.edb", ESE_NAME_OTHER, "", 0},
	{"temp.edb", ESE_NAME_OTHER, "", 0},
	{"edb.logs", ESE_NAME_OTHER, "", 0},
};

START_TEST(a_name_tells_what_it_is)
{
	const struct ese_name name = ese_name_parse(cases[_i].name);

	ck_assert_msg(name.kind == cases[_i].kind, "%s: %d", cases[_i].name, name.kind);
	ck_assert_str_eq(name.base, cases[_i].base);
	ck_assert_uint_eq(name.generation, cases[_i].generation);
	if (name.kind == ESE_NAME_LOG)
		ck_assert(name.digits == 5 || name.digits == 8);
	else
		ck_assert_uint_eq(name.digits, 0);
}
END_TEST

START_TEST(a_base_name_has_no_case)
{
	const struct ese_name log = ese_name_parse("SRU0004E.log");
	const struct ese_name spare = ese_name_parse("res1.log");
	const struct ese_name other = ese_name_parse("SRUDB.dat");

	ck_assert(ese_name_has_base(&log, "sru"));
	ck_assert(ese_name_has_base(&log, "SRU"));
	ck_assert(!ese_name_has_base(&log, "edb"));
	ck_assert(!ese_name_has_base(&log, "SR"));
	ck_assert(ese_name_has_base(&spare, "edb"));
	ck_assert(!ese_name_has_base(&other, "SRU"));
	ck_assert(!ese_name_has_base(&other, ""));
}
END_TEST

START_TEST(names_are_made_as_windows_would)
{
	static const struct {
		uint32_t generation;
		const char *name;
	} made[] = {{1, "edb00001.log"}, {0x4e, "edb0004E.log"},
		{0xfffff, "edbFFFFF.log"}, {0x100000, "edb00100000.log"},
		{0x7fffffff, "edb7FFFFFFF.log"}};

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		char *name = ese_log_name("edb", made[i].generation, ".log");

		ck_assert_ptr_nonnull(name);
		ck_assert_str_eq(name, made[i].name);
		ck_assert_uint_eq(ese_name_parse(name).generation, made[i].generation);
		free(name);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_names");
	TCase *tcase = tcase_create("ese_names");

	tcase_add_loop_test(
		tcase, a_name_tells_what_it_is, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, a_base_name_has_no_case);
	tcase_add_test(tcase, names_are_made_as_windows_would);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
