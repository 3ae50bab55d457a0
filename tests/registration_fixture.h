/*
 * registration_fixture.h - a server with a store and its registered restores
 */
#ifndef TESTS_REGISTRATION_FIXTURE_H
#define TESTS_REGISTRATION_FIXTURE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "server/registration.h"
#include "support.h"

#define DAMAGED STATUS_WIN32(ERROR_INVALID_DATA)
#define DENIED  STATUS_WIN32(ERROR_ACCESS_DENIED)
#define BAD     STATUS_WIN32(ERROR_INVALID_PARAMETER)

static struct server server;
static char server_name[] = "ca01", engine[] = "flat";
static char *dir, *store, *in_state, *in_store;

static inline void set_up(void)
{
	dir = support_tmpdir();
	store = support_path(dir, "store");
	ck_assert_int_eq(mkdir(store, 0700), 0);
	memcpy(server_name, "ca01", 4);
	server = (struct server){.name = server_name, .store.engine = engine};
	server.state_dir = support_path(dir, "state");
	ck_assert_int_eq(names_take(&server.store.databases, support_path(store, "db")),
		STATUS_OK);
	in_state = support_path(server.state_dir, "registration");
	in_store = support_path(store, ".backupapi-registration");
}

static inline void tear_down(void)
{
	names_free(&server.store.databases);
	free(server.state_dir);
	free(in_state);
	free(in_store);
	free(store);
}

static inline void add_target(
	struct registration *r, const char *old_path, const char *new_path)
{
	ck_assert_int_eq(registration_add_target(r, old_path, new_path), STATUS_OK);
}

static inline void add_logs(
	struct registration *r, const char *path, uint32_t low, uint32_t high)
{
	ck_assert_int_eq(registration_add_logs(r, path, low, high), STATUS_OK);
}

static inline struct registration *sample(void)
{
	struct registration *r = registration_new();

	ck_assert_ptr_nonnull(r);
	r->family = FAMILY_DS;
	r->time = 1700000000123456789;
	r->state = REGISTRATION_FAILED;
	r->failure = -5;
	r->checkpoint_path = strdup("/check point");
	r->log_path = strdup("/logs");
	r->replaced = strdup("replaced-2024");
	r->cleared = true;
	ck_assert_int_eq(names_add(&r->former, "replaced-2022"), STATUS_OK);
	ck_assert_int_eq(names_add(&r->former, "replaced-2023"), STATUS_OK);
	add_target(r, "/a", "/b");
	add_target(r, "/same", "/same");
	add_logs(r, "/backup/logs", 3, UINT32_MAX);
	add_logs(r, NULL, 0, 0);
	add_logs(r, "/", 7, 7);
	r->choice.engine = strdup("bdb");
	r->choice.home = strdup("/home of it");
	r->choice.log_dir = strdup("/logs");
	r->choice.low = 3;
	r->choice.high = 4;
	r->choice.replaying = true;
	ck_assert_int_eq(names_add(&r->choice.placed, "/logs/a log\n"), STATUS_OK);
	ck_assert_int_eq(names_add(&r->choice.placed, "/logs/b"), STATUS_OK);
	ck_assert_int_eq(names_add(&r->choice.kept, "/logs/c"), STATUS_OK);
	return r;
}

static inline void save(const struct registration *r)
{
	status rc = registration_save(&server, r);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
}

static inline struct registration *load(void)
{
	struct registration *r = NULL;
	status rc = registration_load(&server, &r);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	return r;
}

/* What recovery makes for OWNER. */
static inline void make_replaced(const char *name, uid_t owner)
{
	char *path = support_path(server.state_dir, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chown(path, owner, (gid_t)-1), 0);
	free(path);
}

static inline void assert_pending(bool expected)
{
	bool pending = !expected;

	ck_assert_int_eq(registration_pending(&server, &pending), STATUS_OK);
	ck_assert_int_eq(pending, expected);
}

static inline void assert_none(void)
{
	assert_pending(false);
	ck_assert_ptr_null(load());
}

static inline void assert_load_fails(status expected, const char *detail)
{
	struct registration *r = (struct registration *)&r;
	status rc = registration_load(&server, &r);

	ck_assert_msg(rc == expected, "%08x: %s", (unsigned)rc, status_pending());
	ck_assert_ptr_null(r);
	ck_assert_msg(strstr(status_pending(), detail) != NULL, "%s", status_pending());
	assert_pending(true);
}

static inline void assert_text_equal(const char *a, const char *b)
{
	ck_assert_pstr_eq(a, b);
}

static inline void assert_names_equal(const struct names *a, const struct names *b)
{
	ck_assert_uint_eq(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		ck_assert_str_eq(a->items[i], b->items[i]);
}

static inline void assert_choices_equal(
	const struct restore_choice *a, const struct restore_choice *b)
{
	assert_text_equal(a->engine, b->engine);
	ck_assert_uint_eq(a->low, b->low);
	ck_assert_uint_eq(a->high, b->high);
	ck_assert_int_eq(a->replaying, b->replaying);
	assert_text_equal(a->home, b->home);
	assert_text_equal(a->log_dir, b->log_dir);
	assert_names_equal(&a->placed, &b->placed);
	assert_names_equal(&a->kept, &b->kept);
}

static inline void assert_equal(
	const struct registration *a, const struct registration *b)
{
	ck_assert_uint_eq(a->family, b->family);
	ck_assert_int_eq(a->time, b->time);
	ck_assert_int_eq(a->in_store, b->in_store);
	ck_assert_int_eq((int)a->state, (int)b->state);
	ck_assert_int_eq(a->failure, b->failure);
	assert_text_equal(a->checkpoint_path, b->checkpoint_path);
	assert_text_equal(a->log_path, b->log_path);
	assert_text_equal(a->replaced, b->replaced);
	ck_assert_int_eq(a->cleared, b->cleared);
	assert_names_equal(&a->former, &b->former);
	ck_assert_uint_eq(a->target_count, b->target_count);
	for (size_t i = 0; i < a->target_count; i++) {
		assert_text_equal(a->targets[i].old_path, b->targets[i].old_path);
		assert_text_equal(a->targets[i].new_path, b->targets[i].new_path);
	}
	ck_assert_uint_eq(a->log_count, b->log_count);
	for (size_t i = 0; i < a->log_count; i++) {
		assert_text_equal(a->logs[i].backup_log_path, b->logs[i].backup_log_path);
		ck_assert_uint_eq(a->logs[i].low, b->logs[i].low);
		ck_assert_uint_eq(a->logs[i].high, b->logs[i].high);
	}
	assert_choices_equal(&a->choice, &b->choice);
}

/* What is loaded back is R, and of this user. */
static inline void assert_round_trip(const struct registration *r)
{
	struct registration *found;

	save(r);
	assert_pending(true);
	found = load();
	ck_assert_ptr_nonnull(found);
	assert_equal(found, r);
	ck_assert_uint_eq(found->maker, geteuid());
	registration_free(found);
}

/* The least that a registration says. */
#define HEAD "server = ca01\nfamily = 1\ntime = 5\nstate = open\nfailure = 0\n"

/* ... and the least of what recovery chose. */
#define CHOICE HEAD "engine = bdb\nreplay_low = 1\nreplay_high = 2\nreplaying = 0\n"

/* BODY behind the format line, sealed with the right checksum. */
static inline void write_forged(const char *path, const char *body)
{
	char *text;
	FILE *f;

	ck_assert_int_ge(asprintf(&text, "format = registration 1\n%s", body), 0);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fprintf(f, "%schecksum = %016" PRIx64 "\n", text,
				 hash_bytes(text, strlen(text))),
		0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	free(text);
}

#endif
