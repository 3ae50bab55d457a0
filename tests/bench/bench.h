/*
 * bench.h - what the benchmarks share: a clock, medians, a scratch directory
 *
 * Every benchmark prints ratios against a reference that is measured in the same run,
 * in alternating passes, so that a busy machine disturbs both sides.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Seconds of the monotonic clock. */
double bench_now(void);

/* Sorts VALUES. */
double bench_median(double *values, size_t count);

/* The environment variable NAME as a number, or FALLBACK. */
uint64_t bench_setting(const char *name, uint64_t fallback);

/* A fresh directory under $TMPDIR or /tmp, removed at exit. */
const char *bench_dir(void);

/* Prints "program: what: reason" and exits 1. */
void bench_fail(const char *what, const char *reason) __attribute__((noreturn));

#endif
