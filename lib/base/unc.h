/*
 * unc.h - between POSIX paths and the UNC names that Windows tools expect
 *
 * \\server\share\dir\file; a share is a configured directory or `posix$`, the root
 * directory.  A backslash in a POSIX name travels as U+F05C, and the bytes of a real
 * U+F05C, or of an encoded surrogate, as U+DC80..U+DCFF, so that path -> name -> path is
 * lossless.
 */
#ifndef BASE_UNC_H
#define BASE_UNC_H

#include <stddef.h>

#include "base/status.h"

#define UNC_ROOT_SHARE "posix$"

struct unc_share {
	char *name;
	char *path; /* absolute, without a trailing slash unless "/" */
};

/* How one server's files are named. Names of shares are unique without case, and none is
 * posix$: the configuration sees to that. */
struct unc_scheme {
	const char *server;
	const struct unc_share *shares;
	size_t share_count;
	bool posix; /* list plain POSIX paths instead */
};

/* A new string (free()); NULL where memory is short. PATH is absolute. */
char *unc_from_path(const struct unc_scheme *scheme, const char *path);

/* The path that NAME means: UNC or POSIX, with or without a file type tag before it.
 * Refuses (ERROR_INVALID_NAME) another server's name, an unknown share, a relative path,
 * and "." or ".." anywhere. Doubled and trailing separators are dropped. */
status unc_to_path(const struct unc_scheme *scheme, const char *name, char **path);

/* The server part of a UNC name as a new string; NULL where NAME is not UNC or memory
 * is short. */
char *unc_server(const char *name);

/* NAME without its file type tag, if it has one. */
const char *unc_skip_tag(const char *name);

#endif
