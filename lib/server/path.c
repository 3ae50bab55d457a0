/*
 * The shape of paths as text: no file system is asked, and links are not seen through.
 */
#include "server/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/wildcard.h"

static const char glob_characters[] = "*?[";

const char *path_refused(const char *path)
{
	const char *at = path;

	if (*path != '/')
		return "not an absolute path";
	while (*at) {
		size_t length;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (length && length <= 2 && strspn(at, ".") >= length)
			return "has a . or .. component";
		at += length;
	}
	return NULL;
}

char *path_tidy(const char *path)
{
	char *tidy = malloc(strlen(path) + 1);
	char *out = tidy;

	if (!tidy)
		return NULL;
	for (const char *in = path; *in; in++)
		if (*in != '/' || (in[1] != '/' && in[1] != '\0') || in == path)
			*out++ = *in;
	*out = '\0';
	if (tidy[0] == '/' && tidy[1] == '/')
		memmove(tidy, tidy + 1, (size_t)(out - tidy));
	return tidy;
}

bool path_is_tidy(const char *path)
{
	if (path_refused(path) || strstr(path, "//"))
		return false;
	return path[1] == '\0' || path[strlen(path) - 1] != '/';
}

bool path_is_glob(const char *path)
{
	return strpbrk(path, glob_characters) != NULL;
}

char *path_parent(const char *path)
{
	size_t length = strcspn(path, glob_characters);

	while (length > 0 && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	return length ? strndup(path, length) : strdup("/");
}

const char *path_below(const char *dir, size_t length, const char *path)
{
	while (length > 0 && dir[length - 1] == '/')
		length--;
	return strncmp(dir, path, length) == 0 && path[length] == '/' ? path + length + 1
								      : NULL;
}

/* The next component of *PATH, which moves behind it, a new string. */
static char *next_component(const char **path)
{
	const char *name = *path + strspn(*path, "/");
	size_t length = strcspn(name, "/");

	*path = name + length;
	return strndup(name, length);
}

/* A backslash takes the next character literally only where there is a wildcard. */
static status components_overlap(const char *a, const char *b, bool *overlap)
{
	if (!*a || !*b) {
		*overlap = !*a && !*b;
		return STATUS_OK;
	}
	if (wildcard_present(a) && wildcard_present(b))
		return wildcard_overlap(a, b, overlap);
	if (wildcard_present(a))
		*overlap = wildcard_match(a, b);
	else if (wildcard_present(b))
		*overlap = wildcard_match(b, a);
	else
		*overlap = strcmp(a, b) == 0;
	return STATUS_OK;
}

/* A path that is at its end has empty components. */
status path_overlap(const char *a, const char *b, bool *overlap)
{
	status rc = STATUS_OK;

	for (*overlap = true; *overlap && (*a || *b) && !failed(rc);) {
		char *left = next_component(&a), *right = next_component(&b);

		rc = left && right ? components_overlap(left, right, overlap)
				   : status_no_memory();
		free(left);
		free(right);
	}
	return rc;
}
