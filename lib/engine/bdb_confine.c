#include "engine/bdb_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bdb_db.h"

static const char *allowed[2];

static bool is_in(const char *path, const char *dir)
{
	const size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0') && !strstr(path, "/../");
}

bool bdb_is_confined(const char *path)
{
	return is_in(path, allowed[0]) || is_in(path, allowed[1]);
}

static int confined_exists(const char *path, int *is_dir)
{
	struct stat st;

	if (!bdb_is_confined(path))
		return ENOENT;
	if (stat(path, &st) < 0)
		return errno;
	if (is_dir)
		*is_dir = S_ISDIR(st.st_mode);
	return 0;
}

static int confined_open(const char *path, int flags, ...)
{
	const bool reads =
		(flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC));
	va_list arguments;
	int mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
	va_end(arguments);
	if (!reads && !bdb_is_confined(path)) {
		errno = EACCES;
		return -1;
	}
	return open(path, flags | O_CLOEXEC, (mode_t)mode);
}

static int confined_rename(const char *from, const char *to)
{
	if (bdb_is_confined(from) && bdb_is_confined(to))
		return rename(from, to);
	errno = EACCES;
	return -1;
}

static int confined_unlink(const char *path)
{
	if (bdb_is_confined(path))
		return unlink(path);
	errno = EACCES;
	return -1;
}

status bdb_confine(const char *home, const char *log_dir)
{
	allowed[0] = home;
	allowed[1] = log_dir;
	if (db_env_set_func_exists(confined_exists) ||
		db_env_set_func_open(confined_open) ||
		db_env_set_func_rename(confined_rename) ||
		db_env_set_func_unlink(confined_unlink))
		return status_fail(STATUS_WIN32(ERROR_GEN_FAILURE),
			"%s: Berkeley DB cannot be confined to it", home);
	return STATUS_OK;
}

/* Without functions of ours libdb takes its own. */
void bdb_release(void)
{
	(void)db_env_set_func_exists(NULL);
	(void)db_env_set_func_open(NULL);
	(void)db_env_set_func_rename(NULL);
	(void)db_env_set_func_unlink(NULL);
}
