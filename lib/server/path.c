/*
 * The shape of paths as text: no file system is asked, and links are not seen through.
 */
#include "server/path.h"

#include <stdlib.h>
#include <string.h>

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
