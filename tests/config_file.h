/*
 * config_file.h - one configuration file to load
 */
#ifndef TESTS_CONFIG_FILE_H
#define TESTS_CONFIG_FILE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config.h"
#include "support.h"

#define BAD     STATUS_WIN32(ERROR_BAD_CONFIGURATION)
#define DENIED  STATUS_WIN32(ERROR_ACCESS_DENIED)

#define SERVER  "[server]\nname = ca01\nfamily = certsrv\n"
#define STORE   "[store]\ndatabase = /srv/ca/index.txt\n"
#define MINIMAL SERVER STORE

static char *dir;
static char *path;
static int dirfd_;

static inline void set_up(void)
{
	dir = support_tmpdir();
	path = support_path(dir, "ca01.conf");
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd_, 0);
}

static inline void tear_down(void)
{
	(void)close(dirfd_);
	free(path);
}

static inline status load_bytes(const void *data, size_t size, struct server **server)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	return config_load(dirfd_, dir, "ca01.conf", server);
}

static inline struct server *load_good(const char *text)
{
	struct server *server = NULL;
	status rc = load_bytes(text, strlen(text), &server);

	ck_assert_msg(
		rc == STATUS_OK, "%08x: %s\n%s", (unsigned)rc, status_pending(), text);
	ck_assert_ptr_nonnull(server);
	return server;
}

/* TEXT is refused with "FILE" + DETAIL, at whose end there may be more. */
static inline void assert_refused(const char *text, const char *detail)
{
	struct server *server = (struct server *)&server;
	status rc = load_bytes(text, strlen(text), &server);
	size_t length = strlen(path);

	ck_assert_msg(
		rc == BAD, "%08x (%s) for\n%s", (unsigned)rc, status_pending(), text);
	ck_assert_ptr_null(server);
	ck_assert_msg(
		strncmp(status_pending(), path, length) == 0 &&
			strncmp(status_pending() + length, detail, strlen(detail)) == 0,
		"\"%s\" is not PATH\"%s\"", status_pending(), detail);
}

#endif
