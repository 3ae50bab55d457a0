/*
 * user_store.h - a store that belongs to an ordinary user, and what that user does
 *
 * For tests that run as root: a flat store with a service of commands, all its files
 * the user's, and beside them a directory of root's that nothing may reach.
 */
#ifndef TESTS_USER_STORE_H
#define TESTS_USER_STORE_H

#include "session/restore.h"

#include "store.h"
#include "support.h"

#define USER       65534
#define SKIPPED    77 /* as Meson understands it */
#define REGISTERED ".backupapi-registration"

extern struct store *store;
extern char *victims; /* a directory of root's, with a file 01.pem */

/* The names of all its databases. */
extern const char *const whole[];

/* The checked fixture. */
void user_store_setup(void);
void user_store_teardown(void);

/* Anew, with MORE among the keys of [store]. */
void configure(const char *more);
void give(const char *name, uid_t owner);
void expect_victim_untouched(void);

/* Runs CALL in a child with that user's rights alone; it passes when CALL returns. */
void as_user(uid_t user, void (*call)(void));

/* In the child a failed assertion must not look like an end of the test. */
void must(status rc, status expected, const char *what);

struct restore *prepare(void);
status register_through_file(struct restore *r, const char *const *names);

/* Prepares, registers, stages newcerts/01.pem, completes. */
void user_restores(void);

#endif
