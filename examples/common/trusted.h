/*
 * trusted.h - reaching files by paths that other users may change meanwhile
 *
 * For root, a symbolic link counts only where it belongs to root, wherever in the path it
 * is: anybody else's could lead to what is not theirs. Others are bound by their own
 * rights, and follow what the system lets them follow.
 */
#ifndef COMMON_TRUSTED_H
#define COMMON_TRUSTED_H

/* What the absolute PATH names, as a descriptor for fstat and the like (O_PATH). -1 with
 * errno: reported, unless that is ENOENT. */
int trusted_find(const char *path);

/* The same, opened with FLAGS and O_CLOEXEC. */
int trusted_open(const char *path, int flags);

#endif
