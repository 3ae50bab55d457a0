/*
 * LD_PRELOAD: a disk that is full at the nth step.
 *
 * ENOSPC_AT	the number, from 1, of the step that fails with ENOSPC
 * ENOSPC_BELOW	only what is below this directory counts
 * ENOSPC_STAYS	if set, all later steps fail too, but for the fsync of a directory,
 *		which needs no room and with which tidying up ends
 * ENOSPC_STOPS	if set, the step does not fail: the process stops ahead of it, until SIGCONT
 * ENOSPC_MARK	a file that is created when a step failed
 * ENOSPC_FREE	what statvfs tells that is free, in bytes
 *
 * A step is what can find a disk full: creating a file or directory, a write to a regular
 * file, an fsync, a rename, a fallocate. Removing always works.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long steps;

/* A function pointer out of dlsym, without a cast that C does not know. */
#define NEXT(name)                                                                       \
	static __typeof__(&(name)) next;                                                 \
	do {                                                                             \
		if (!next) {                                                             \
			void *symbol = dlsym(RTLD_NEXT, #name);                          \
			memcpy(&next, &symbol, sizeof(next));                            \
		}                                                                        \
	} while (0)

static void leave_mark(void)
{
	const char *mark = getenv("ENOSPC_MARK");
	__typeof__(&open) real;
	void *symbol = dlsym(RTLD_NEXT, "open");
	int fd;

	memcpy(&real, &symbol, sizeof(real));
	fd = mark ? real(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd >= 0)
		close(fd);
}

static bool is_below(const char *path)
{
	const char *below = getenv("ENOSPC_BELOW");
	size_t length = below ? strlen(below) : 0;

	return !below || (!strncmp(path, below, length) &&
				 (path[length] == '/' || path[length] == '\0'));
}

/* Where FD is, in PATH. */
static bool path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	if (fd == AT_FDCWD)
		return getcwd(path, PATH_MAX) != NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return true;
}

static bool count_step(bool needs_room)
{
	const char *at = getenv("ENOSPC_AT");
	const bool stops = getenv("ENOSPC_STOPS") != NULL;
	unsigned long wanted = at ? strtoul(at, NULL, 10) : 0;
	bool fails;

	if (wanted == 0)
		return false;
	pthread_mutex_lock(&mutex);
	steps++;
	fails = steps == wanted ||
		(steps > wanted && needs_room && getenv("ENOSPC_STAYS"));
	pthread_mutex_unlock(&mutex);
	if (fails && stops) {
		kill(getpid(), SIGSTOP);
		return false;
	}
	if (fails) {
		leave_mark();
		errno = ENOSPC;
	}
	return fails;
}

static bool fails_at(int fd)
{
	char path[PATH_MAX];

	return path_of(fd, path) && is_below(path) && count_step(true);
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool sync_fails_at(int fd)
{
	char path[PATH_MAX];

	return path_of(fd, path) && is_below(path) && count_step(is_file(fd));
}

static bool fails_for(int dirfd, const char *name)
{
	return *name == '/' ? is_below(name) && count_step(true) : fails_at(dirfd);
}

ssize_t write(int fd, const void *data, size_t size)
{
	NEXT(write);
	return is_file(fd) && fails_at(fd) ? -1 : next(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	NEXT(pwrite);
	return fails_at(fd) ? -1 : next(fd, data, size, offset);
}

ssize_t copy_file_range(
	int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags)
{
	NEXT(copy_file_range);
	return fails_at(out) ? -1 : next(in, in_at, out, out_at, size, flags);
}

int fsync(int fd)
{
	NEXT(fsync);
	return sync_fails_at(fd) ? -1 : next(fd);
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	return fails_at(fd) ? -1 : next(fd);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	NEXT(fallocate);
	return fails_at(fd) ? -1 : next(fd, mode, offset, size);
}

int mkdirat(int dirfd, const char *name, mode_t mode)
{
	NEXT(mkdirat);
	return fails_for(dirfd, name) ? -1 : next(dirfd, name, mode);
}

int mkdir(const char *name, mode_t mode)
{
	NEXT(mkdir);
	return fails_for(AT_FDCWD, name) ? -1 : next(name, mode);
}

int renameat(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	NEXT(renameat);
	return fails_for(to_dirfd, to) ? -1 : next(from_dirfd, from, to_dirfd, to);
}

int renameat2(
	int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	NEXT(renameat2);
	return fails_for(to_dirfd, to) ? -1 : next(from_dirfd, from, to_dirfd, to, flags);
}

int rename(const char *from, const char *to)
{
	NEXT(rename);
	return fails_for(AT_FDCWD, to) ? -1 : next(from, to);
}

static mode_t mode_argument(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
}

int openat(int dirfd, const char *name, int flags, ...)
{
	NEXT(openat);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_argument(flags, args);
	va_end(args);
	return flags & O_CREAT && fails_for(dirfd, name) ? -1
							 : next(dirfd, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	NEXT(open);
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_argument(flags, args);
	va_end(args);
	return flags & O_CREAT && fails_for(AT_FDCWD, name) ? -1
							    : next(name, flags, mode);
}

static void set_free(struct statvfs *fs)
{
	const char *bytes = getenv("ENOSPC_FREE");

	if (!bytes)
		return;
	fs->f_bfree = strtoul(bytes, NULL, 10) / fs->f_frsize;
	fs->f_bavail = fs->f_bfree;
}

int fstatvfs(int fd, struct statvfs *fs)
{
	NEXT(fstatvfs);
	int rc = next(fd, fs);

	if (rc == 0)
		set_free(fs);
	return rc;
}

int statvfs(const char *path, struct statvfs *fs)
{
	NEXT(statvfs);
	int rc = next(path, fs);

	if (rc == 0)
		set_free(fs);
	return rc;
}
