#include "common/xattrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/mem.h"
#include "common/str.h"

#define SYSTEM "system."
#define ACLS   "system.posix_acl_"
#define NONE   "-"
#define TRIES  8 /* while attributes grow between asking for their size and reading */

/* Room that the names of most files' attributes fit into. */
#define FEW_NAMES 256

static struct xattr *add(struct xattrs *xattrs, const char *name)
{
	struct xattr *xattr;

	array_reserve(&xattrs->items, xattrs->count, &xattrs->capacity, sizeof(*xattr));
	xattr = &xattrs->items[xattrs->count++];
	memset(xattr, 0, sizeof(*xattr));
	xattr->name = xstrdup(name);
	return xattr;
}

void xattrs_free(struct xattrs *xattrs)
{
	for (size_t i = 0; i < xattrs->count; i++) {
		free(xattrs->items[i].name);
		free(xattrs->items[i].value);
	}
	free(xattrs->items);
	memset(xattrs, 0, sizeof(*xattrs));
}

void xattrs_drop(struct xattrs *xattrs, xattrs_filter drop)
{
	size_t kept = 0;

	for (size_t i = 0; i < xattrs->count; i++) {
		if (!drop(xattrs->items[i].name)) {
			xattrs->items[kept++] = xattrs->items[i];
			continue;
		}
		free(xattrs->items[i].name);
		free(xattrs->items[i].value);
	}
	xattrs->count = kept;
}

/* ---- files ---- */

static bool means_none(int err)
{
	return err == ENOTSUP || err == ENODATA || err == ENOSYS;
}

/* By the name of a descriptor where it is one of O_PATH, which takes longer. */
static ssize_t list(int fd, const char *path, char *names, size_t size)
{
	ssize_t n = flistxattr(fd, names, size);

	return n < 0 && errno == EBADF ? listxattr(path, names, size) : n;
}

/* The names, each with its NUL; *SIZE bytes in all. 0 or errno. */
static int read_names(int fd, const char *path, char **names, size_t *size)
{
	char few[FEW_NAMES];
	ssize_t n = list(fd, path, few, sizeof(few));

	*names = NULL;
	*size = 0;
	for (int i = 0; n < 0 && errno == ERANGE && i < TRIES; i++) {
		n = list(fd, path, NULL, 0);
		if (n <= 0)
			break;
		free(*names);
		*names = xmalloc((size_t)n);
		n = list(fd, path, *names, (size_t)n);
	}
	if (n < 0)
		return means_none(errno) ? 0 : errno;
	if (!*names && n > 0)
		*names = memcpy(xmalloc((size_t)n), few, (size_t)n);
	*size = (size_t)n;
	return 0;
}

/* One that is gone by now is none. */
static int read_value(const char *path, const char *name, struct xattrs *xattrs)
{
	unsigned char *value = NULL;
	int err = ERANGE;

	for (int i = 0; i < TRIES && err == ERANGE; i++) {
		ssize_t n = getxattr(path, name, NULL, 0);

		if (n >= 0) {
			value = xrealloc(value, (size_t)n + 1, 1);
			n = getxattr(path, name, value, (size_t)n);
		}
		err = n < 0 ? errno : 0;
		if (err == 0) {
			struct xattr *xattr = add(xattrs, name);

			xattr->value = value;
			xattr->size = (size_t)n;
			return 0;
		}
	}
	free(value);
	return means_none(err) ? 0 : err;
}

int xattrs_read(
	int fd, const char *path, xattrs_filter skip, struct xattrs *xattrs, bool *acls)
{
	char *names;
	size_t size;
	int err = read_names(fd, path, &names, &size);

	memset(xattrs, 0, sizeof(*xattrs));
	*acls = false;
	for (const char *name = names; err == 0 && name < names + size;
		name += strlen(name) + 1) {
		if (!strncmp(name, ACLS, strlen(ACLS)))
			*acls = true;
		if (strncmp(name, SYSTEM, strlen(SYSTEM)) != 0 && !(skip && skip(name)))
			err = read_value(path, name, xattrs);
	}
	free(names);
	if (err)
		xattrs_free(xattrs);
	return err;
}

int xattrs_apply(const char *path, const struct xattrs *xattrs)
{
	int err = 0;

	for (size_t i = 0; i < xattrs->count; i++) {
		const struct xattr *x = &xattrs->items[i];

		if (setxattr(path, x->name, x->value, x->size, 0) != 0 && err == 0)
			err = errno;
	}
	return err;
}

/* ---- fields ---- */

static const char hex_digits[] = "0123456789abcdef";

void hex_write(FILE *file, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	char digits[256];
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		digits[count++] = hex_digits[bytes[i] >> 4];
		digits[count++] = hex_digits[bytes[i] & 15];
		if (count == sizeof(digits) || i + 1 == size) {
			fwrite(digits, 1, count, file);
			count = 0;
		}
	}
}

static int digit(char c)
{
	const char *found = c ? strchr(hex_digits, c) : NULL;

	return found ? (int)(found - hex_digits) : -1;
}

bool hex_parse(const char *digits, unsigned char **data, size_t *size)
{
	size_t length = strlen(digits);
	unsigned char *out = xmalloc(length / 2 + 1);

	for (size_t i = 0; i + 1 < length; i += 2) {
		int high = digit(digits[i]), low = digit(digits[i + 1]);

		if (high < 0 || low < 0) {
			free(out);
			return false;
		}
		out[i / 2] = (unsigned char)(high * 16 + low);
	}
	if (length % 2) {
		free(out);
		return false;
	}
	*data = out;
	*size = length / 2;
	return true;
}

static void write_name(FILE *file, const char *name)
{
	char *escaped = str_escape(name);

	for (const char *c = escaped; *c; c++) {
		if (*c == '=' || *c == ',')
			fprintf(file, "%%%02X", (unsigned)(unsigned char)*c);
		else
			fputc(*c, file);
	}
	free(escaped);
}

void xattrs_write(FILE *file, const struct xattrs *xattrs)
{
	fputs(xattrs->count ? "\t" : "\t" NONE, file);
	for (size_t i = 0; i < xattrs->count; i++) {
		if (i > 0)
			fputc(',', file);
		write_name(file, xattrs->items[i].name);
		fputc('=', file);
		hex_write(file, xattrs->items[i].value, xattrs->items[i].size);
	}
}

bool xattrs_parse(char *field, struct xattrs *xattrs)
{
	if (!strcmp(field, NONE))
		return true;
	while (field) {
		char *next = strchr(field, ','), *value = strchr(field, '=');
		struct xattr *xattr;

		if (next)
			*next++ = '\0';
		if (!value || value == field || (next && value > next))
			return false;
		*value++ = '\0';
		if (!str_unescape(field))
			return false;
		xattr = add(xattrs, field);
		if (!hex_parse(value, &xattr->value, &xattr->size))
			return false;
		field = next;
	}
	return true;
}
