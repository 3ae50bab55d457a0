/*
 * ese_logs.h - a directory of logs, for the tests of ese_logset.h
 */
#ifndef TESTS_ESE_LOGS_H
#define TESTS_ESE_LOGS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/ese_logset.h"
#include "ese_store.h"
#include "support.h"

static char *dir;
static int dir_fd = -1;
static struct ese_logset set;

static inline void set_up(void)
{
	dir = support_tmpdir();
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
}

static inline void tear_down(void)
{
	ese_logset_free(&set);
	ck_assert_int_eq(close(dir_fd), 0);
}

static inline struct ese_store_chain chain(uint32_t low, uint32_t high)
{
	return (struct ese_store_chain){.base = "edb",
		.extension = ".log",
		.low = low,
		.high = high,
		.major = 8,
		.current = true,
		.signature = 22};
}

static inline void write_chain(uint32_t low, uint32_t high)
{
	const struct ese_store_chain c = chain(low, high);

	ese_store_write_chain(dir, &c);
}

static inline status read_set(void)
{
	ese_logset_free(&set);
	return ese_logset_read(dir_fd, dir, "edb", &set);
}

static inline void read_good(void)
{
	ck_assert_int_eq(read_set(), STATUS_OK);
}

#endif
