/*
 * race.h - threads that start one deed at the same moment
 */
#ifndef TESTS_RACE_H
#define TESTS_RACE_H

#include <check.h>
#include <pthread.h>
#include <stdint.h>

#define THREADS 4

struct race {
	void *hbc;
	void *block;
	pthread_barrier_t start;
	uint64_t bytes[THREADS];
	unsigned won[THREADS]; /* 1 for a winner, 100 for what must not happen */
};

struct racer {
	struct race *race;
	size_t number;
};

/* Runs RUN in THREADS threads with a struct racer each; returns when all ended. */
static inline void race_run(struct race *race, void *(*run)(void *))
{
	struct racer racers[THREADS];
	pthread_t threads[THREADS];

	ck_assert_int_eq(pthread_barrier_init(&race->start, NULL, THREADS), 0);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){race, i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(pthread_barrier_destroy(&race->start), 0);
}

static inline unsigned winners(const struct race *race)
{
	unsigned sum = 0;

	for (size_t i = 0; i < THREADS; i++)
		sum += race->won[i];
	return sum;
}

#endif
