/*
 * meta.h - owner, mode, ACL and times of a file, to be saved and given back
 */
#ifndef COMMON_META_H
#define COMMON_META_H

#include <stdbool.h>
#include <sys/stat.h>
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

/* Of what FD (trusted.h) is, without what lets others run a file as its owner or group. 0 or
 * errno. */
int meta_read(int fd, struct meta *meta);

/* To an open file; LABEL is for messages. Owners are taken by name where this system
 * knows the name, else by number. A caller that is not root keeps what it may not give
 * away. A regular file is never set to run as its owner or group. */
bool meta_apply(int fd, const char *label, const struct meta *meta);

/* The pieces of both, for files that cannot be opened: PATH is followed to the file by the
 * system alone ("/proc/self/fd/5"). ACLS: false where the file has none. */
int meta_describe(const char *path, const struct stat *st, bool acls, struct meta *meta);
uid_t meta_wanted_uid(const struct meta *meta);
gid_t meta_wanted_gid(const struct meta *meta);
int meta_set_acls(const char *path, const struct meta *meta); /* 0 or errno */

/* For lists: "user:group " in a column, and the fields of a JSON object. */
void meta_print_owner(const struct meta *meta);
void meta_json(const struct meta *meta);

void meta_free(struct meta *meta);

#endif
