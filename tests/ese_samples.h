/*
 * ese_samples.h - real files of ESE stores, as Windows wrote them
 *
 * They are in the directory $BACKUPAPI_ESE_SAMPLES or, unless that is set, where the build
 * was told; tests that need them skip where there is no such directory.
 */
#ifndef TESTS_ESE_SAMPLES_H
#define TESTS_ESE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

/* The directory; NULL, with a message, where it is missing: exit with 77. */
const char *ese_samples_dir(void);

/* One of its files, unpacked where its name ends in .gz: free(). Aborts on failure. */
uint8_t *ese_samples_read(const char *name, size_t *size);

/* The same as a file in DIR, called AS. */
void ese_samples_copy(const char *name, const char *dir, const char *as);

#endif
