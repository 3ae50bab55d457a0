/*
 * meta.h - owner, mode, ACL and times of a file, to be saved and given back
 */
#ifndef COMMON_META_H
#define COMMON_META_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct meta {
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	char *user, *group; /* names, or NULL */
	struct timespec mtime, atime;
	char *acl;         /* text with numeric ids; NULL: none beyond the mode */
	char *default_acl; /* directories only */
};

/* Of what PATH names, symbolic links followed. 0 or errno. */
int meta_read(const char *path, struct meta *meta);

/* To an open file; LABEL is for messages. Owners are taken by name where this system
 * knows the name, else by number. A caller that is not root keeps what it may not give
 * away. */
bool meta_apply(int fd, const char *label, const struct meta *meta);

void meta_free(struct meta *meta);

#endif
