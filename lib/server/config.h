/*
 * config.h - one server's configuration file (interfaces.md's keys, backupapi.conf(5))
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>

#include "base/names.h"
#include "base/status.h"
#include "base/unc.h"

enum server_family { FAMILY_CERTSRV = 1, FAMILY_DS = 2, FAMILY_ANY = 3 };

/* What an engine needs to know; also sent to the store worker. */
struct store_config {
	char *engine;		/* "auto" unless configured */
	struct names databases; /* files, globs or directories, as configured */
	char *log_dir;
	char *system_dir;
	bool log_dir_given, system_dir_given; /* configured, not a default */
	char *ese_dir; /* both, unless given, if `auto` turns out to be ESE; else NULL */
	char *region_dir;
	char *log_base;
	char *spool_dir; /* never NULL once loaded: state_dir is the default */
	bool verify_report;
	bool compact;
};

struct service_config {
	char *unit;
	char *pidfile;
	char *program;
	char *start, *stop, *suspend, *resume, *status; /* command lines */
	unsigned timeout_seconds;			/* 90 unless configured */
};

struct server {
	char *file; /* where all this was read */
	char *name;
	struct names aliases;
	unsigned families; /* of enum server_family */
	char *authority;   /* NULL unless configured */
	char *host;	   /* NULL: this machine; else the server is on another one */
	char *state_dir;
	bool posix_names;
	struct unc_share *shares;
	size_t share_count;
	struct store_config store;
	struct names dynamic;
	unsigned tombstone_days;
	bool has_service;
	struct service_config service;
};

/* Reads the file NAME in the open directory DIRFD (DIR for messages). Refuses a file that
 * does not belong to root or the caller or that others may write (ERROR_ACCESS_DENIED),
 * and says "file:line: reason" (ERROR_BAD_CONFIGURATION) for anything wrong in it. */
status config_load(int dirfd, const char *dir, const char *name, struct server **server);

/* The same into *SERVER, which the caller allocated: also where it fails, *SERVER then
 * holds what could be read, for saying whose file it is. */
status config_read(int dirfd, const char *dir, const char *name, struct server *server);

/* How this server's files are named; points into SERVER. */
struct unc_scheme config_unc_scheme(const struct server *server);

/* Is DATABASE, one of STORE's, a directory with all its files: of an engine that keeps them
 * so, or one now? */
bool config_is_directory(const struct store_config *store, const char *database);

/* STORE as it is now that ENGINE is known, which `auto` may stand for: where its logs are
 * depends on that. Borrows all strings. */
struct store_config config_with_engine(
	const struct store_config *store, const char *engine);

void server_free(struct server *server); /* NULL is fine */

#endif
