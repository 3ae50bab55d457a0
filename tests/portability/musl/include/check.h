/*
 * check.h - as much of Check's interface as the tests here use
 *
 * Stands in for the real one where there is no Check for the C library at hand. Each test
 * runs in a child of its own; a failed assertion ends it.
 */
#ifndef STANDIN_CHECK_H
#define STANDIN_CHECK_H

#include <stdint.h>
#include <string.h>

typedef void (*TFun)(int);
typedef void (*SFun)(void);
typedef struct TTest {
	const char *name;
	TFun fn;
} TTest;
typedef struct TCase TCase;
typedef struct Suite Suite;
typedef struct SRunner SRunner;
enum print_output { CK_SILENT, CK_MINIMAL, CK_NORMAL };

#define START_TEST(name)                                                                 \
	static void name##_fn(int _i);                                                   \
	static const TTest name##_ttest = {#name, name##_fn};                            \
	static const TTest *name = &name##_ttest;                                        \
	static void name##_fn(int _i __attribute__((unused)))
#define END_TEST

Suite *suite_create(const char *name);
TCase *tcase_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);
void tcase_add_checked_fixture(TCase *tcase, SFun setup, SFun teardown);
void tcase_add_unchecked_fixture(TCase *tcase, SFun setup, SFun teardown);
void tcase_set_timeout(TCase *tcase, double seconds);
void standin_add(TCase *tcase, const TTest *test, int start, int end);
#define tcase_add_test(tcase, test)                  standin_add(tcase, test, 0, 1)
#define tcase_add_loop_test(tcase, test, start, end) standin_add(tcase, test, start, end)

SRunner *srunner_create(Suite *suite);
void srunner_run_all(SRunner *runner, enum print_output how);
int srunner_ntests_failed(SRunner *runner);
void srunner_free(SRunner *runner);

_Noreturn void standin_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void standin_integers(
	const char *file, int line, const char *what, int holds, intmax_t x, intmax_t y);
void standin_texts(const char *file, int line, const char *what, int holds, const char *x,
	const char *y);

#define ck_abort_msg(...) standin_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(condition, ...)                                                    \
	((condition) ? (void)0 : standin_fail(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(condition) ck_assert_msg(condition, "%s", #condition)

#define STANDIN_COMPARE(type, x, op, y)                                                  \
	do {                                                                             \
		type standin_x = (x), standin_y = (y);                                   \
                                                                                         \
		standin_integers(__FILE__, __LINE__, #x " " #op " " #y,                  \
			standin_x op standin_y, (intmax_t)standin_x,                     \
			(intmax_t)standin_y);                                            \
	} while (0)
#define ck_assert_int_eq(x, y)       STANDIN_COMPARE(intmax_t, x, ==, y)
#define ck_assert_int_ne(x, y)       STANDIN_COMPARE(intmax_t, x, !=, y)
#define ck_assert_int_lt(x, y)       STANDIN_COMPARE(intmax_t, x, <, y)
#define ck_assert_int_le(x, y)       STANDIN_COMPARE(intmax_t, x, <=, y)
#define ck_assert_int_gt(x, y)       STANDIN_COMPARE(intmax_t, x, >, y)
#define ck_assert_int_ge(x, y)       STANDIN_COMPARE(intmax_t, x, >=, y)
#define ck_assert_uint_eq(x, y)      STANDIN_COMPARE(uintmax_t, x, ==, y)
#define ck_assert_uint_ne(x, y)      STANDIN_COMPARE(uintmax_t, x, !=, y)
#define ck_assert_uint_lt(x, y)      STANDIN_COMPARE(uintmax_t, x, <, y)
#define ck_assert_uint_le(x, y)      STANDIN_COMPARE(uintmax_t, x, <=, y)
#define ck_assert_uint_gt(x, y)      STANDIN_COMPARE(uintmax_t, x, >, y)
#define ck_assert_uint_ge(x, y)      STANDIN_COMPARE(uintmax_t, x, >=, y)

#define ck_assert_ptr_eq(x, y)       ck_assert((const void *)(x) == (const void *)(y))
#define ck_assert_ptr_ne(x, y)       ck_assert((const void *)(x) != (const void *)(y))
#define ck_assert_ptr_null(x)        ck_assert((const void *)(x) == NULL)
#define ck_assert_ptr_nonnull(x)     ck_assert((const void *)(x) != NULL)
#define ck_assert_mem_eq(x, y, size) ck_assert(memcmp(x, y, size) == 0)

#define STANDIN_TEXTS(x, op, y, null_too)                                                \
	do {                                                                             \
		const char *standin_x = (x), *standin_y = (y);                           \
		int standin_both = standin_x && standin_y;                               \
                                                                                         \
		standin_texts(__FILE__, __LINE__, #x " " #op " " #y,                     \
			standin_both ? strcmp(standin_x, standin_y) op 0                 \
				     : (null_too) && standin_x op standin_y,             \
			standin_x, standin_y);                                           \
	} while (0)
#define ck_assert_str_eq(x, y)  STANDIN_TEXTS(x, ==, y, 0)
#define ck_assert_str_ne(x, y)  STANDIN_TEXTS(x, !=, y, 0)
#define ck_assert_str_lt(x, y)  STANDIN_TEXTS(x, <, y, 0)
#define ck_assert_pstr_eq(x, y) STANDIN_TEXTS(x, ==, y, 1)

#endif
