/*
 * missing.h - GNU calls that musl 1.2.3 lacks, for everything that is compiled here
 *
 * musl has statx since 1.2.5; the others are glibc's alone, or came later still.
 */
#ifndef STANDIN_MISSING_H
#define STANDIN_MISSING_H

#include <endian.h> /* glibc's other headers bring it along */
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#endif

static inline int renameat2(
	int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, flags);
}

static inline int statx(
	int dirfd, const char *path, int flags, unsigned mask, struct statx *out)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, out);
}

static inline const char *strerrordesc_np(int err)
{
	return strerror(err);
}

static inline const char *sigdescr_np(int number)
{
	return strsignal(number);
}

#endif
