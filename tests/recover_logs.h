/*
 * recover_logs.h - a store that is a directory with logs, and restores of it
 *
 *	DIR/data	id.db, sub/entries.db, log.3 ... of sequence A: the old state
 *	DIR/full, DIR/incr	sets: logs 3 to 4, and 4 to 5, the last one unfinished
 */
#ifndef TESTS_RECOVER_LOGS_H
#define TESTS_RECOVER_LOGS_H

#include <dirent.h>

#include "log_sets.h"
#include "session/staging.h"
#include "store.h"

static struct store *store;
static char *full, *incr;

#define FULL_CHANGES "A3.1 A3.2 A3.3 A4.1 "
#define ALL_CHANGES  "A3.1 A3.2 A3.3 A4.1 A4.2 A4.3 A5.1 A5.2 "

static inline void make_sets(void)
{
	full = make_set(store->dir, "full");
	incr = make_set(store->dir, "incr");
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	put_log(incr, 'A', 4);
	put_part(incr, 'A', 5, 2);
}

static inline void setup_logs(void)
{
	store = store_make(STORE_DIRECTORY, NULL);
	log_engine =
		(struct log_engine){.in_use = true, .engine = &log_engine_of_directory};
	log_replay = (struct log_replay){0};
	make_sets();
}

static inline void teardown_logs(void)
{
	free(full);
	free(incr);
	store_free(store);
}

static const char *const set_names[] = {"id.db", "sub/entries.db", NULL};

/* Both databases keep their places below HOME (NULL: DIR/data). */
static inline status register_full_to(struct restore *r, const char *home,
	const char *log_path, uint32_t low, uint32_t high)
{
	const char *old_names[2], *new_names[2];
	char places[2][4096];
	struct restore_request q = {.map_given = true,
		.old_names = old_names,
		.new_names = new_names,
		.map_count = 2,
		.log_path = log_path,
		.backup_log_path = full,
		.low = low,
		.high = high};

	for (int i = 0; i < 2; i++) {
		(void)snprintf(places[i], sizeof(places[i]), "%s/%s",
			home ? home : store->data, set_names[i]);
		old_names[i] = store_path(store, set_names[i]);
		new_names[i] = places[i];
	}
	return restore_register(r, &q);
}

static inline status register_logs(
	struct restore *r, const char *backup_log_path, uint32_t low, uint32_t high)
{
	const struct restore_request q = {
		.backup_log_path = backup_log_path, .low = low, .high = high};

	return restore_register(r, &q);
}

static inline void stage_databases(void)
{
	store_stage(store, "id.db", "new id\n");
	store_stage(store, "sub/entries.db", "new entries\n");
}

static inline struct restore *begin_restore(void)
{
	store_control(SERVICE_STOP);
	store_let_age();
	return store_restore(FAMILY_CERTSRV);
}

static inline void complete(struct restore *r)
{
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
}

/* All but recovery. */
static inline void restore_both_sets(void)
{
	struct restore *r = begin_restore();

	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	ck_assert_int_eq(register_logs(r, incr, 4, 5), STATUS_OK);
	complete(r);
}

/* Also of a store with a service, which recovery does not start. */
static inline void expect_replayed(const char *changes)
{
	status rc = store_recover();

	ck_assert_msg(rc == STATUS_OK, "%s: %s", status_name(rc), status_pending());
	ck_assert_str_eq(log_replay.changes, changes);
	ck_assert(!store_pending());
	store_expect(store, "id.db", "new id\n");
	store_expect(store, "sub/entries.db", "new entries\n");
	ck_assert(store_was_replaced(store, "id.db", "old id\n"));
	ck_assert(store_was_replaced(store, "sub/entries.db", "old entries\n"));
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
	ck_assert(!support_exists(store_path(store, "sub/" STAGING_DIR)));
}

static inline void expect_recovered(const char *changes)
{
	expect_replayed(changes);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
}

#endif
