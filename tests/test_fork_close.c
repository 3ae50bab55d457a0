#include "base/fork_close.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static int open_file(void *context)
{
	return open(context, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static bool can_lock(const char *path)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool can;

	ck_assert_int_ge(fd, 0);
	can = fcntl(fd, F_OFD_SETLK, &range) == 0;
	(void)close(fd);
	return can;
}

static void lock(const struct fork_close *entry)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	ck_assert_int_eq(fcntl(entry->fd, F_OFD_SETLK, &range), 0);
}

START_TEST(a_forked_child_has_none_of_the_descriptors)
{
	char *path = support_path(support_tmpdir(), "file");
	struct fork_close a, b, c;
	int ends[2], ready[2], result;
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(fork_close_open(&a, open_file, path), 0);
	ck_assert_int_eq(fork_close_open(&b, open_file, path), 0);
	ck_assert_int_eq(fork_close_open(&c, open_file, path), 0);
	fork_close_end(&b);
	lock(&a);
	ck_assert(!can_lock(path));
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		byte = a.fd == -1 && c.fd == -1;
		fork_close_end(&a);
		fork_close_end(&c);
		(void)close(ends[1]);
		_exit(write(ready[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 0);
	}
	(void)close(ends[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 1);
	(void)close(a.fd); /* the last copy: the lock is gone, though the child lives */
	a.fd = -1;
	ck_assert(can_lock(path));
	fork_close_end(&a);
	fork_close_end(&c);
	(void)close(ends[1]);
	ck_assert_int_eq(waitpid(child, &result, 0), child);
	free(path);
}
END_TEST

START_TEST(ending_unlocks_for_copies_too)
{
	char *path = support_path(support_tmpdir(), "file");
	struct fork_close entry;
	int copy;

	ck_assert_int_eq(fork_close_open(&entry, open_file, path), 0);
	lock(&entry);
	copy = dup(entry.fd);
	ck_assert_int_ge(copy, 0);
	fork_close_end(&entry);
	ck_assert_int_eq(entry.fd, -1);
	ck_assert(can_lock(path));
	fork_close_end(&entry);
	(void)close(copy);
	free(path);
}
END_TEST

START_TEST(what_cannot_be_opened_gives_its_errno)
{
	char missing[] = "/nonexistent/file";
	struct fork_close entry;

	ck_assert_int_eq(fork_close_open(&entry, open_file, missing), ENOENT);
	ck_assert_int_eq(entry.fd, -1);
	fork_close_end(&entry);
}
END_TEST

START_TEST(a_child_holds_neither_end_of_a_socket_open)
{
	struct fork_close a, b;
	int hold[2], result;
	char byte;
	pid_t child;

	ck_assert_int_eq(fork_close_socketpair(&a, &b), 0);
	ck_assert_int_eq(fcntl(a.fd, F_GETFD) & fcntl(b.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(pipe(hold), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)close(hold[1]);
		_exit(a.fd != -1 || b.fd != -1 || read(hold[0], &byte, 1) != 0);
	}
	ck_assert_int_eq(write(a.fd, "x", 1), 1);
	fork_close_end(&a);
	ck_assert_int_eq(read(b.fd, &byte, 1), 1);
	ck_assert_int_eq(read(b.fd, &byte, 1), 0); /* the end, though the child lives */
	fork_close_end(&b);
	(void)close(hold[0]);
	(void)close(hold[1]);
	ck_assert_int_eq(waitpid(child, &result, 0), child);
	ck_assert_int_eq(result, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fork_close");
	TCase *tcase = tcase_create("fork_close");

	tcase_add_test(tcase, a_forked_child_has_none_of_the_descriptors);
	tcase_add_test(tcase, ending_unlocks_for_copies_too);
	tcase_add_test(tcase, what_cannot_be_opened_gives_its_errno);
	tcase_add_test(tcase, a_child_holds_neither_end_of_a_socket_open);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
