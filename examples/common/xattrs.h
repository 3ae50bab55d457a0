/*
 * xattrs.h - extended attributes of a file, to be saved and given back
 *
 * Those of the system's own namespace are other views of what is saved otherwise (ACLs)
 * or belongs to one kind of file system, and are left out.
 */
#ifndef COMMON_XATTRS_H
#define COMMON_XATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct xattr {
	char *name;
	unsigned char *value;
	size_t size;
};

/* All zero is the empty list. */
struct xattrs {
	struct xattr *items;
	size_t count, capacity;
};

/* What to leave out; NULL: nothing. */
typedef bool (*xattrs_filter)(const char *name);

/* Of what FD is open on, in any way (O_PATH); PATH is its name "/proc/self/fd/5". *ACLS: it
 * has an ACL. 0 or errno. */
int xattrs_read(
	int fd, const char *path, xattrs_filter skip, struct xattrs *xattrs, bool *acls);

/* Takes those out of the list that DROP is true for. */
void xattrs_drop(struct xattrs *xattrs, xattrs_filter drop);

/* 0, or the errno of the first that could not be set; all are tried. */
int xattrs_apply(const char *path, const struct xattrs *xattrs);

/* As a field of a MANIFEST: a tab, then "-" or NAME=HEX,NAME=HEX... */
void xattrs_write(FILE *file, const struct xattrs *xattrs);
bool xattrs_parse(char *field, struct xattrs *xattrs); /* FIELD is changed */

void xattrs_free(struct xattrs *xattrs);

/* Bytes as hexadecimal digits: for fields of other kinds too. */
void hex_write(FILE *file, const void *data, size_t size);
bool hex_parse(const char *digits, unsigned char **data, size_t *size);

#endif
