#include "base/handle.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "forked.h"
#include "sanitized.h"
#include "support.h"

#define BACKUP  HANDLE_MASK(HANDLE_CERTSRV_BACKUP)
#define RESTORE HANDLE_MASK(HANDLE_CERTSRV_RESTORE)

static int first_object, second_object;

static void *create(enum handle_kind kind, void *object)
{
	void *handle = NULL;

	ck_assert_int_eq(handle_create(kind, object, &handle), STATUS_OK);
	ck_assert_ptr_nonnull(handle);
	return handle;
}

static void check_dead(void *handle)
{
	enum handle_kind kind = HANDLE_KINDS;

	ck_assert_ptr_null(handle_acquire(~0u, handle, &kind));
	ck_assert_ptr_null(handle_retire(~0u, handle, &kind));
	ck_assert_int_eq(kind, HANDLE_KINDS);
	handle_release(handle);
}

/* Long enough for another thread to get to where it waits. */
static void let_others_run(void)
{
	const struct timespec pause = {.tv_nsec = 30 * 1000 * 1000};

	(void)nanosleep(&pause, NULL);
}

START_TEST(a_handle_leads_to_its_object)
{
	void *handle = create(HANDLE_CERTSRV_RESTORE, &first_object);
	enum handle_kind kind = HANDLE_KINDS;

	ck_assert_ptr_eq(handle_acquire(BACKUP | RESTORE, handle, &kind), &first_object);
	ck_assert_int_eq(kind, HANDLE_CERTSRV_RESTORE);
	handle_release(handle);
	ck_assert_ptr_eq(handle_acquire(RESTORE, handle, NULL), &first_object);
	handle_release(handle);
	kind = HANDLE_KINDS;
	ck_assert_ptr_eq(handle_retire(RESTORE, handle, &kind), &first_object);
	ck_assert_int_eq(kind, HANDLE_CERTSRV_RESTORE);
	check_dead(handle);
}
END_TEST

START_TEST(another_kinds_handle_is_refused_and_stays)
{
	void *handle = create(HANDLE_DS_BACKUP, &first_object);

	ck_assert_ptr_null(handle_acquire(BACKUP | RESTORE, handle, NULL));
	ck_assert_ptr_null(handle_retire(BACKUP | RESTORE, handle, NULL));
	ck_assert_ptr_null(handle_acquire(0, handle, NULL));
	ck_assert_ptr_eq(handle_retire(HANDLE_MASK(HANDLE_DS_BACKUP), handle, NULL),
		&first_object);
}
END_TEST

START_TEST(made_up_handles_are_refused)
{
	void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object);

	check_dead(NULL);
	check_dead(&first_object);
	check_dead((void *)UINTPTR_MAX);
	check_dead((void *)((uintptr_t)handle + 1));
	check_dead((void *)((uintptr_t)handle - 1));
	for (uintptr_t wild = 1; wild; wild *= 2)
		if ((void *)(wild + 1) != handle)
			check_dead((void *)(wild + 1));
	ck_assert_ptr_eq(handle_retire(BACKUP, handle, NULL), &first_object);
}
END_TEST

START_TEST(numbers_are_odd_increasing_and_never_reused)
{
	enum { COUNT = 5000 };
	static void *handles[COUNT];
	uintptr_t last = 4096; /* smaller ones are wrong pointers to some runtimes */

	for (size_t i = 0; i < COUNT; i++) {
		handles[i] = create(HANDLE_SIS_BACKUP, &handles[i]);
		ck_assert_uint_gt((uintptr_t)handles[i], last);
		last = (uintptr_t)handles[i];
		ck_assert_uint_eq(last % 2, 1);
		if (i % 3 == 0)
			ck_assert_ptr_eq(
				handle_retire(~0u, handles[i], NULL), &handles[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		if (i % 3 == 0)
			check_dead(handles[i]);
		else
			ck_assert_ptr_eq(
				handle_retire(~0u, handles[i], NULL), &handles[i]);
	}
	ck_assert_uint_gt((uintptr_t)create(HANDLE_SIS_BACKUP, &first_object), last);
}
END_TEST

/* ---- threads ---- */

#define THREADS    4
#define ITERATIONS 3000

static void *shared;
static _Atomic int inside;
static _Atomic int violations;
static int unprotected; /* the handle's turn-taking protects it */

static void *call_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < ITERATIONS; i++) {
		if (handle_acquire(BACKUP, shared, NULL) != &first_object)
			atomic_fetch_add(&violations, 1);
		if (atomic_fetch_add(&inside, 1) != 0)
			atomic_fetch_add(&violations, 1);
		unprotected++;
		atomic_fetch_sub(&inside, 1);
		handle_release(shared);
	}
	return NULL;
}

START_TEST(calls_on_one_handle_are_serialised)
{
	pthread_t threads[THREADS];

	shared = create(HANDLE_CERTSRV_BACKUP, &first_object);
	unprotected = 0;
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(violations, 0);
	ck_assert_int_eq(unprotected, THREADS * ITERATIONS);
	ck_assert_ptr_eq(handle_retire(BACKUP, shared, NULL), &first_object);
}
END_TEST

static pthread_barrier_t both_inside;

static void *meet_inside(void *handle)
{
	void *object = handle_acquire(BACKUP, handle, NULL);

	(void)pthread_barrier_wait(&both_inside);
	handle_release(handle);
	return object;
}

/* Would wait for ever if the second had to wait for the first. */
START_TEST(calls_on_different_handles_run_in_parallel)
{
	void *first = create(HANDLE_CERTSRV_BACKUP, &first_object);
	void *second = create(HANDLE_CERTSRV_BACKUP, &second_object);
	pthread_t thread;
	void *object;

	ck_assert_int_eq(pthread_barrier_init(&both_inside, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, meet_inside, first), 0);
	ck_assert_ptr_eq(meet_inside(second), &second_object);
	ck_assert_int_eq(pthread_join(thread, &object), 0);
	ck_assert_ptr_eq(object, &first_object);
	ck_assert_int_eq(pthread_barrier_destroy(&both_inside), 0);
	ck_assert_ptr_eq(handle_retire(BACKUP, first, NULL), &first_object);
	ck_assert_ptr_eq(handle_retire(BACKUP, second, NULL), &second_object);
}
END_TEST

static pthread_barrier_t start;

static void *retire_together(void *handle)
{
	(void)pthread_barrier_wait(&start);
	return handle_retire(BACKUP, handle, NULL);
}

START_TEST(of_two_retirers_one_gets_the_object)
{
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, 2), 0);
	for (int i = 0; i < 500; i++) {
		void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object), *mine,
		     *theirs;
		pthread_t thread;

		ck_assert_int_eq(
			pthread_create(&thread, NULL, retire_together, handle), 0);
		mine = retire_together(handle);
		ck_assert_int_eq(pthread_join(thread, &theirs), 0);
		ck_assert((mine == &first_object) != (theirs == &first_object));
		ck_assert((mine == NULL) != (theirs == NULL));
		check_dead(handle);
	}
	ck_assert_int_eq(pthread_barrier_destroy(&start), 0);
}
END_TEST

static atomic_bool retired;

static void *retire_and_say(void *handle)
{
	void *object = handle_retire(BACKUP, handle, NULL);

	atomic_store(&retired, true);
	return object;
}

static void *acquire_and_release(void *handle)
{
	void *object = handle_acquire(BACKUP, handle, NULL);

	if (object)
		handle_release(handle);
	return object;
}

START_TEST(retiring_waits_for_the_call_and_turns_the_waiting_away)
{
	void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object), *object;
	pthread_t waiter, retirer;

	ck_assert_ptr_eq(handle_acquire(BACKUP, handle, NULL), &first_object);
	ck_assert_int_eq(pthread_create(&waiter, NULL, acquire_and_release, handle), 0);
	let_others_run();
	ck_assert_int_eq(pthread_create(&retirer, NULL, retire_and_say, handle), 0);
	ck_assert_int_eq(pthread_join(waiter, &object), 0);
	ck_assert_ptr_null(object);
	ck_assert_ptr_null(handle_acquire(BACKUP, handle, NULL));
	ck_assert_ptr_null(handle_retire(BACKUP, handle, NULL));
	let_others_run();
	ck_assert(!atomic_load(&retired));
	handle_release(handle);
	ck_assert_int_eq(pthread_join(retirer, &object), 0);
	ck_assert_ptr_eq(object, &first_object);
	check_dead(handle);
}
END_TEST

/* ---- other processes ---- */

static int child_sees_nothing(void *parents)
{
	void *own, *object;

	if (handle_acquire(~0u, parents, NULL) || handle_retire(~0u, parents, NULL))
		return 1;
	handle_release(parents);
	if (handle_create(HANDLE_DS_RESTORE, &second_object, &own) != STATUS_OK)
		return 2;
	if ((uintptr_t)own <= (uintptr_t)parents)
		return 3;
	object = handle_acquire(~0u, own, NULL);
	handle_release(own);
	return object == &second_object && handle_retire(~0u, own, NULL) == object ? 0
										   : 4;
}

START_TEST(forked_child_begins_with_an_empty_table)
{
	void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object);

	ck_assert_ptr_eq(handle_acquire(BACKUP, handle, NULL), &first_object);
	ck_assert_int_eq(forked(fork, child_sees_nothing, handle), 0);
	handle_release(handle);
	ck_assert_ptr_eq(handle_retire(BACKUP, handle, NULL), &first_object);
}
END_TEST

START_TEST(child_made_without_forks_handlers_gets_nothing_either)
{
	void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object);

	if (support_lacks("wiping-on-fork"))
		return;
	ck_assert_int_eq(forked(_Fork, child_sees_nothing, handle), 0);
	ck_assert_ptr_eq(handle_retire(BACKUP, handle, NULL), &first_object);
}
END_TEST

static atomic_bool stop, busy;

static bool come_and_go(void)
{
	void *handle;

	if (handle_create(HANDLE_SIS_RESTORE, &second_object, &handle) != STATUS_OK ||
		handle_acquire(~0u, handle, NULL) != &second_object)
		return false;
	handle_release(handle);
	return handle_retire(~0u, handle, NULL) == &second_object;
}

static void *keep_table_busy(void *parents)
{
	bool good = true;

	while (!atomic_load(&stop)) {
		good = handle_acquire(BACKUP, parents, NULL) == &first_object && good;
		handle_release(parents);
		good = (SANITIZED || come_and_go()) && good;
		atomic_store(&busy, true);
	}
	return good ? parents : NULL;
}

START_TEST(fork_in_the_middle_of_other_threads_calls)
{
	void *handle = create(HANDLE_CERTSRV_BACKUP, &first_object), *good;
	time_t begin = time(NULL);
	pthread_t thread;

	atomic_store(&stop, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, keep_table_busy, handle), 0);
	while (!atomic_load(&busy))
		(void)sched_yield();
	for (int i = 0; !forked_often_enough(i, begin); i++)
		ck_assert_int_eq(forked(fork, child_sees_nothing, handle), 0);
	atomic_store(&stop, true);
	ck_assert_int_eq(pthread_join(thread, &good), 0);
	ck_assert_ptr_nonnull(good);
	ck_assert_ptr_eq(handle_retire(BACKUP, handle, NULL), &first_object);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handle");
	TCase *tcase = tcase_create("handle");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_handle_leads_to_its_object);
	tcase_add_test(tcase, another_kinds_handle_is_refused_and_stays);
	tcase_add_test(tcase, made_up_handles_are_refused);
	tcase_add_test(tcase, numbers_are_odd_increasing_and_never_reused);
	tcase_add_test(tcase, calls_on_one_handle_are_serialised);
	tcase_add_test(tcase, calls_on_different_handles_run_in_parallel);
	tcase_add_test(tcase, of_two_retirers_one_gets_the_object);
	tcase_add_test(tcase, retiring_waits_for_the_call_and_turns_the_waiting_away);
	tcase_add_test(tcase, forked_child_begins_with_an_empty_table);
	tcase_add_test(tcase, child_made_without_forks_handlers_gets_nothing_either);
	tcase_add_test(tcase, fork_in_the_middle_of_other_threads_calls);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
