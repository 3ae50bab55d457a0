/*
 * ese_samples.h - real files of ESE stores, as Windows wrote them
 *
 * They are in the directory $BACKUPAPI_ESE_SAMPLES or, unless that is set, where the build
 * was told; tests that need them skip where there is no such directory, or, with
 * BACKUPAPI_TEST_NO_SKIP=1 in the environment, fail.
 */
#ifndef TESTS_ESE_SAMPLES_H
#define TESTS_ESE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* 0, or, with a message, what main() returns where the directory is missing. */
int ese_samples_missing(void);

/* One of its files, unpacked where its name ends in .gz: free(). Aborts on failure. */
uint8_t *ese_samples_read(const char *name, size_t *size);

/* The file PATH: the log of GENERATION as the header of the sample DATABASE wants it, with
 * segments that mean nothing. */
void ese_samples_write_log(const char *database, uint32_t generation, const char *path);

/* The sample as a file in DIR, called AS. */
void ese_samples_copy(const char *name, const char *dir, const char *as);

#endif
