/*
 * care_log.h - for the tests of lib/sis/care_*: files with known content, and a caller who
 * remembers what he was told
 */
#ifndef TESTS_CARE_LOG_H
#define TESTS_CARE_LOG_H

#include "sis/care.h"

/* DIR/NAME gets SIZE bytes that follow from SEED alone. */
void care_write(const char *dir, const char *name, size_t size, unsigned seed);
bool care_has(const char *dir, const char *name, size_t size, unsigned seed);

struct care_log {
	unsigned counts[16]; /* by kind */
	char reasons[4096];
	char paths[8192];
	unsigned end_at; /* nonzero: this kind ends the work */

	struct backupapi_sis_summary summary;
	struct sis_care care;
};

/* Empty, with CARE ready to be passed on. */
void care_log_begin(struct care_log *log);

/* The store file of the link NAME, full path, free(). */
char *care_store_file(const char *dir, const char *name);

/* DIR/bare becomes a link without data, whose store file has SIZE bytes of seed 1. */
void care_make_bare(const char *dir, size_t size, bool vouched);

/* sis_volumes_make, once for several test cases. */
void care_volumes_make(void);

/* Is this root, on a machine with loop devices and the program MKFS? Taken for granted where
 * nothing may be skipped. */
bool care_can_mount(const char *mkfs);

/* Vouched for, intact, with a store file. */
bool care_is_link(const char *dir, const char *name);

#endif
