/*
 * servers.h - a directory of configuration files, and looking for servers in it
 */
#ifndef TESTS_SERVERS_H
#define TESTS_SERVERS_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/server.h"
#include "support.h"

#define UNKNOWN   STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE)
#define SEVERAL   STATUS_WIN32(ERROR_INVALID_PARAMETER)
#define ELSEWHERE STATUS_WIN32(RPC_S_INVALID_BINDING)
#define MALFORMED STATUS_WIN32(ERROR_INVALID_NAME)
#define BAD       STATUS_WIN32(ERROR_BAD_CONFIGURATION)
#define DENIED    STATUS_WIN32(ERROR_ACCESS_DENIED)

static char *dir;
static char host[HOST_NAME_MAX + 1];

static inline void set_up(void)
{
	dir = support_tmpdir();
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", dir, 1), 0);
	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	host[sizeof(host) - 1] = '\0';
}

static inline void add_text(const char *file, const char *text)
{
	char *path = support_path(dir, file);

	support_write(path, text);
	ck_assert_int_eq(chmod(path, 0600), 0);
	free(path);
}

/* FILE with the name NAME, EXTRA lines of [server], and a database of its own. */
static inline void add_server(
	const char *file, const char *name, const char *family, const char *extra)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
		"[server]\nname = %s\nfamily = %s\n%s\n[store]\ndatabase = %s/db-%s\n",
		name, family, extra, dir, file);
	add_text(file, text);
}

static inline void add_database(const char *file, const char *name, const char *database)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
		"[server]\nname = %s\nfamily = certsrv\n[store]\ndatabase = %s\n", name,
		database);
	add_text(file, text);
}

static inline void assert_found(unsigned families, const char *name, const char *expected)
{
	struct server *server = NULL;
	status rc = server_find(families, name, &server);

	ck_assert_msg(rc == STATUS_OK, "%s: %08x %s", name ? name : "NULL", (unsigned)rc,
		status_pending());
	ck_assert_str_eq(server->name, expected);
	server_free(server);
}

static inline void assert_not_found(unsigned families, const char *name, status expected)
{
	struct server *server = (struct server *)&server;
	status rc = server_find(families, name, &server);

	ck_assert_msg(rc == expected, "%s: %08x, not %08x: %s", name ? name : "NULL",
		(unsigned)rc, (unsigned)expected, status_pending());
	ck_assert_ptr_null(server);
}

static inline void assert_detail_has(const char *part)
{
	ck_assert_msg(strstr(status_pending(), part) != NULL, "no \"%s\" in \"%s\"", part,
		status_pending());
}

#endif
