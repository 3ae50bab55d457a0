/* Linked with --wrap for mmap (with glibc mmap64, as it is called there where offsets have 64
 * bits) and munmap: what a block holds when it goes back is looked at, and pages can run
 * out. */
#include "base/credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* ---- pages ---- */

#ifdef __GLIBC__
#define REAL_MMAP __real_mmap64
#define WRAP_MMAP __wrap_mmap64
#else
#define REAL_MMAP __real_mmap
#define WRAP_MMAP __wrap_mmap
#endif

void *REAL_MMAP(void *at, size_t size, int access, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
void *WRAP_MMAP(void *at, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);

static struct {
	bool none_left;
	void *last;               /* block that was mapped */
	unsigned released, wiped; /* of those with private pages */
} pages;

void *WRAP_MMAP(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	if (pages.none_left)
		return MAP_FAILED;
	pages.last = REAL_MMAP(at, size, access, flags, fd, offset);
	return pages.last;
}

int __wrap_munmap(void *at, size_t size)
{
	const unsigned char *bytes = at;
	bool wiped = true;

	for (size_t i = 0; i < size; i++)
		wiped = wiped && !bytes[i];
	pages.released++;
	pages.wiped += wiped;
	return __real_munmap(at, size);
}

static void setup(void)
{
	credentials_forget();
	memset(&pages, 0, sizeof(pages));
}

static void teardown(void)
{
	credentials_forget();
}

/* ---- what is kept ---- */

static void expect(const char *user, const char *domain, const char *password)
{
	struct credentials copy;
	bool kept = false;

	ck_assert_int_eq(credentials_get(&copy, &kept), STATUS_OK);
	ck_assert(kept);
	ck_assert_str_eq(copy.user, user);
	ck_assert_str_eq(copy.domain, domain);
	ck_assert_str_eq(copy.password, password);
	credentials_wipe(&copy);
	ck_assert_ptr_null(copy.user);
	ck_assert_ptr_null(copy.block);
	credentials_wipe(&copy);
}

static void expect_none(void)
{
	struct credentials copy = {.user = "x", .block = &copy};
	bool kept = true;

	ck_assert_int_eq(credentials_get(&copy, &kept), STATUS_OK);
	ck_assert(!kept);
	ck_assert_ptr_null(copy.user);
	ck_assert_ptr_null(copy.block);
}

START_TEST(nothing_is_kept_at_first)
{
	expect_none();
	credentials_forget();
	expect_none();
	ck_assert_uint_eq(pages.released, 0);
}
END_TEST

START_TEST(the_last_ones_are_kept)
{
	ck_assert_int_eq(credentials_keep("one", "where", "secret"), STATUS_OK);
	expect("one", "where", "secret");
	ck_assert_int_eq(credentials_keep("two", "", ""), STATUS_OK);
	expect("two", "", "");
	ck_assert_int_eq(credentials_keep("\xff\xfe", "\xc3\xa4", "\x80"), STATUS_OK);
	expect("\xff\xfe", "\xc3\xa4", "\x80");
	credentials_forget();
	expect_none();
}
END_TEST

START_TEST(long_texts_are_kept_whole)
{
	char *text = malloc(1000001);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	ck_assert_int_eq(credentials_keep(text, "d", text), STATUS_OK);
	expect(text, "d", text);
	free(text);
}
END_TEST

START_TEST(every_block_is_wiped_before_it_goes)
{
	ck_assert_int_eq(credentials_keep("one", "where", "secret"), STATUS_OK);
	ck_assert_uint_eq(pages.released, 0);
	ck_assert_int_eq(credentials_keep("two", "there", "sesame"), STATUS_OK);
	ck_assert_uint_eq(pages.released, 1);
	ck_assert_uint_eq(pages.wiped, 1);
	expect("two", "there", "sesame"); /* a copy */
	ck_assert_uint_eq(pages.released, 2);
	ck_assert_uint_eq(pages.wiped, 2);
	credentials_forget();
	ck_assert_uint_eq(pages.released, 3);
	ck_assert_uint_eq(pages.wiped, 3);
}
END_TEST

START_TEST(without_memory_the_former_ones_stay)
{
	struct credentials copy = {.block = &copy};
	bool kept;

	ck_assert_int_eq(credentials_keep("one", "where", "secret"), STATUS_OK);
	pages.none_left = true;
	ck_assert_int_eq(credentials_keep("two", "there", "sesame"),
		STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_int_eq(
		credentials_get(&copy, &kept), STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_ptr_null(copy.block);
	pages.none_left = false;
	expect("one", "where", "secret");
}
END_TEST

/* "dd" in the line of flags of the mapping that ADDRESS is in. */
static bool is_left_out_of_dumps(const void *address)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	const unsigned long at = (unsigned long)(uintptr_t)address;
	unsigned long begin, end;
	char line[8192];
	bool here = false, found = false;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			here = begin <= at && at < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	ck_assert_int_eq(fclose(f), 0);
	return found;
}

START_TEST(core_dumps_leave_them_out)
{
	ck_assert_int_eq(credentials_keep("one", "where", "secret"), STATUS_OK);
	ck_assert(is_left_out_of_dumps(pages.last));
}
END_TEST

/* ---- processes ---- */

/* What DEED notes in a child; -1 where it noted nothing. */
static int in_child(void (*deed)(volatile int *note))
{
	int wait_status, outcome;
	volatile int *note = REAL_MMAP(NULL, sizeof(*note), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	ck_assert_ptr_ne((void *)(uintptr_t)note, MAP_FAILED);
	*note = -1;
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		deed(note);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	outcome = *note;
	ck_assert_int_eq(__real_munmap((void *)(uintptr_t)note, sizeof(*note)), 0);
	return outcome;
}

static void look_and_forget(volatile int *note)
{
	struct credentials copy;
	bool kept;

	if (failed(credentials_get(&copy, &kept)) || !kept)
		return;
	*note = strcmp(copy.password, "secret");
	credentials_wipe(&copy);
	credentials_forget();
}

START_TEST(a_forked_child_has_a_copy_of_its_own)
{
	ck_assert_int_eq(credentials_keep("one", "where", "secret"), STATUS_OK);
	ck_assert_int_eq(in_child(look_and_forget), 0);
	expect("one", "where", "secret");
}
END_TEST

/* Where a child notes what is left at its very end. */
static volatile int *at_the_end;

__attribute__((destructor(101))) static void look_at_the_end(void)
{
	struct credentials copy;
	bool kept = true;

	if (!at_the_end)
		return;
	if (failed(credentials_get(&copy, &kept)) || kept)
		*at_the_end = 1;
	else
		*at_the_end = pages.released == 1 && pages.wiped == 1 ? 0 : 2;
	_exit(0);
}

static void keep_and_exit(volatile int *note)
{
	if (failed(credentials_keep("one", "where", "secret")))
		return;
	at_the_end = note;
	exit(0);
}

START_TEST(exit_wipes_them)
{
	ck_assert_int_eq(in_child(keep_and_exit), 0);
}
END_TEST

/* ---- threads ---- */

#define ROUNDS 2000

static void *keep_matching(void *argument)
{
	const char *text = argument;

	for (int i = 0; i < ROUNDS; i++)
		if (failed(credentials_keep(text, text, text)))
			return argument;
	return NULL;
}

static void *get_matching(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct credentials copy;
		bool kept, good;

		if (failed(credentials_get(&copy, &kept)))
			return argument;
		good = !kept || (strcmp(copy.user, copy.domain) == 0 &&
					strcmp(copy.user, copy.password) == 0);
		credentials_wipe(&copy);
		if (!good)
			return argument;
	}
	return NULL;
}

START_TEST(threads_never_see_a_mixture)
{
	static char first[] = "first", second[] = "the second one";
	pthread_t threads[3];
	void *trouble;

	ck_assert_int_eq(pthread_create(&threads[0], NULL, keep_matching, first), 0);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, keep_matching, second), 0);
	ck_assert_int_eq(pthread_create(&threads[2], NULL, get_matching, first), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &trouble), 0);
		ck_assert_ptr_null(trouble);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("credentials");
	TCase *tc = tcase_create("credentials");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nothing_is_kept_at_first);
	tcase_add_test(tc, the_last_ones_are_kept);
	tcase_add_test(tc, long_texts_are_kept_whole);
	tcase_add_test(tc, every_block_is_wiped_before_it_goes);
	tcase_add_test(tc, without_memory_the_former_ones_stay);
	tcase_add_test(tc, core_dumps_leave_them_out);
	tcase_add_test(tc, a_forked_child_has_a_copy_of_its_own);
	tcase_add_test(tc, exit_wipes_them);
	tcase_add_test(tc, threads_never_see_a_mixture);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
