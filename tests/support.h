/*
 * support.h - what every test needs: a private directory, files, the runner
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* Runs SUITE, prints Check's summary, returns the exit status for main. */
int support_run(Suite *suite);

/* A fresh private directory, removed with all in it when the process that made it exits. */
char *support_tmpdir(void);

/* Each ends the test with a message where it cannot do its work. */
void support_write(const char *path, const char *text);
char *support_read(const char *path); /* free() */
bool support_exists(const char *path);

/* Whether ABILITY is among the words of BACKUPAPI_TEST_LACKS: what the machine that runs
 * this program says that it cannot do. Notes it, for the test returns without a result. */
bool support_lacks(const char *ability);

/* For what takes too long there, or cannot be the same. */
bool support_under_valgrind(void);

/* "DIR/NAME" in a new string. */
char *support_path(const char *dir, const char *name);

#endif
