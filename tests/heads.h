/*
 * heads.h - how files of each format begin
 */
#ifndef TESTS_HEADS_H
#define TESTS_HEADS_H

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *engine, *what, *bytes;
	size_t size;
} heads[] = {
	{"sqlite", "sqlite", BYTES("SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20")},
	{"tdb", "tdb", BYTES("TDB file\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
	{"lmdb", "lmdb",
		BYTES("\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\xde\xc0\xef\xbe\x01\0\0\0")},
	{"lmdb", "lmdb, 32 bits",
		BYTES("\0\0\0\0\0\0\x08\0\0\0\0\0\xde\xc0\xef\xbe\x01\0\0\0")},
	{"bdb", "btree",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x62\x31\x05\0\x09\0\0\0\0\x10\0\0")},
	{"bdb", "hash",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x61\x15\x06\0\x09\0\0\0\0\x10\0\0")},
	{"bdb", "heap",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x82\x45\x07\0\x01\0\0\0\0\x10\0\0")},
	{"bdb", "queue",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x53\x22\x04\0\x04\0\0\0\0\x10\0\0")},
	{"bdb", "btree of a big-endian machine",
		BYTES("\0\0\0\0\0\0\0\x01\0\0\0\0\0\x05\x31\x62\0\0\0\x09\0\0\x10\0")},
	{"bdb", "log",
		BYTES("\0\0\0\0\x1c\0\0\0\xb4\x34\x09\x3e\x88\x09\x04\0\x13\0\0\0")},
	{"ese", "ese", BYTES("\x86\x19\x97\x41\xef\xcd\xab\x89\x20\x06\0\0\0\0\0\0")},
	{"flat", "an index", BYTES("V\t261222043143Z\t\t01\tunknown\t/CN=a\n")},
	{"flat", "nothing", BYTES("")},
	{"flat", "one byte", BYTES("S")},
	{"flat", "a cut head", BYTES("SQLite format 3")},
	{"flat", "a magic number elsewhere",
		BYTES(".\xef\xcd\xab\x89\xef\xcd\xab\x89 nothing")},
};

/* The file DIR/NAME with these bytes; its path (free()). */
static char *put_bytes(const char *dir, const char *name, const char *bytes, size_t size)
{
	char *path = support_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
	return path;
}

/* The same with the head of WHAT. */
static char *put_head(const char *dir, const char *name, const char *what)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strcmp(heads[i].what, what) == 0)
			return put_bytes(dir, name, heads[i].bytes, heads[i].size);
	ck_abort_msg("no head of %s", what);
}

#endif
