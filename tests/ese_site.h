/*
 * ese_site.h - an ESE store with its configuration, and its backups by the public functions
 *
 *	DIR/conf/ca01.conf	both families, no service, plain POSIX names
 *	DIR/state		state_dir
 *	DIR/data		databases, logs and checkpoint
 */
#ifndef TESTS_ESE_SITE_H
#define TESTS_ESE_SITE_H

#include "certbcli_calls.h"
#include "ese_store.h"

#include <ntdsbcli.h>

struct ese_site {
	char *dir, *conf, *state, *data;
};

struct ese_site *ese_site_make(void);
void ese_site_free(struct ese_site *site);

/* LINES of [store], whose databases are *.edb otherwise. */
void ese_site_configure(const struct ese_site *site, const char *lines);

/* A path below DIR/data; valid until the 16th call after this one. */
const char *ese_site_path(const struct ese_site *site, const char *name);

/* XORs a byte of DIR/data/NAME. */
void ese_site_damage(
	const struct ese_site *site, const char *name, long offset, unsigned bits);

/* Changes the header of a database: the generation at which it was consistent. */
void ese_site_consistent_at(const struct ese_site *site, const char *name,
	uint32_t page_size, uint32_t generation);

/* ---- what a store is made of ---- */

#define ESE_SITE_SIGNATURE 22u

/* Of 4096-byte pages, dirty, or clean where LOW is 0. */
void ese_site_database(
	const struct ese_site *site, const char *name, uint32_t low, uint32_t high);
/* edb logs LOW to HIGH of version 8, the last one current. */
void ese_site_logs(const struct ese_site *site, uint32_t low, uint32_t high);

/* ---- sessions ---- */

struct ese_session {
	bool ds; /* of the Ds family, its A form; else CertSrv's */
	void *handle;
};

enum ese_type { ESE_FULL, ESE_INCREMENTAL };

HRESULT ese_begin(bool ds, enum ese_type type, struct ese_session *session);
void ese_end(struct ese_session *session);

/* One file's content, read in pieces of PIECE bytes: *SIZE of them, those ahead of a failure,
 * in *DATA (free()). */
HRESULT ese_fetch(const struct ese_session *session, const char *path, size_t piece,
	uint8_t **data, size_t *size);

/* The lists: paths without tags. */
struct names ese_databases(const struct ese_session *session);
struct names ese_logs(const struct ese_session *session);

/* Lists and delivers everything. Each file is checked against the one in DIR/data (a part
 * against the current log CURRENT) and, unless SET is NULL, written to that directory. */
void ese_deliver(const struct ese_session *session, enum ese_type type,
	const char *current, const char *set);

/* A whole one; TRUNCATE: the logs, too. */
void ese_back_up(bool ds, enum ese_type type, bool truncate, const char *set);

/* Is PART in the text of the last failure? */
void ese_detail_has(const char *part);

/* ---- restores ---- */

/* A CertSrv one; the server is stopped for it. */
void *ese_restore_begin(void);

/* The full set in the directory SET: NAMES of DIR/data (NULL at the end), put where recovery
 * looks for them, and its logs. */
void ese_restore_full(const struct ese_site *site, void *handle, const char *set,
	const char *const *names, uint32_t low, uint32_t high);
/* One of its files alone: what goes to PLACE. */
void ese_restore_stage(const char *set, const char *place);
void ese_restore_incremental(void *handle, const char *set, uint32_t low, uint32_t high);

/* Completes, ends, recovers. */
HRESULT ese_restore_recover(void *handle);

/* Was DIR/data/NAME put aside? */
bool ese_site_was_replaced(const struct ese_site *site, const char *name);

/* A new directory in DIR. */
char *ese_site_directory(const struct ese_site *site, const char *name);

#endif
