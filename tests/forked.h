/*
 * forked.h - doing something in a forked child, with an outcome that cannot be missed
 *
 * The child's result comes back in shared memory: its exit status is valgrind's, to whom
 * what other threads had in hand at the fork looks like a leak.
 */
#ifndef TESTS_FORKED_H
#define TESTS_FORKED_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORKED_DIED -1

/* For loops that fork while another thread is busy: not for long where that is slow. */
static inline bool forked_often_enough(int times, time_t begin)
{
	return times >= 100 || (times >= 5 && time(NULL) > begin + 3);
}

/* What DEED returns in a child that MAKE_CHILD (fork or _Fork) made; FORKED_DIED where it
 * did not get that far in 20 seconds. */
static int forked(pid_t (*make_child)(void), int (*deed)(void *argument), void *argument)
{
	int *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int outcome, wait_status;
	pid_t pid;

	ck_assert_ptr_ne(result, MAP_FAILED);
	*result = FORKED_DIED;
	ck_assert_int_ge(pid = make_child(), 0);
	if (pid == 0) {
		/* Check's own handler would end the whole test. */
		(void)signal(SIGALRM, SIG_DFL);
		(void)alarm(20);
		*result = deed(argument);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	outcome = *result;
	ck_assert_int_eq(munmap(result, sizeof(*result)), 0);
	return outcome;
}

#endif
