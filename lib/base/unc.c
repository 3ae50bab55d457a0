/*
 * A path is bytes, a name is text that becomes wide characters; text.c lets single bad
 * bytes through.  What is left to escape here are the byte sequences that would come back
 * as something else: a backslash, a real U+F05C, and what looks like an encoded
 * surrogate.
 */
#include "base/unc.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Stands for a backslash in a file's name. */
#define BACKSLASH_CODE 0xf05cu

/* U+DC80..U+DCFF stand for the bytes 0x80..0xff. */
#define BYTE_CODE       0xdc00u
#define FIRST_BYTE_CODE (BYTE_CODE + 0x80)
#define LAST_BYTE_CODE  (BYTE_CODE + 0xff)

/* ---- from path to name ---- */

static char *put_byte(char *out, char byte)
{
	return out + text_encode(BYTE_CODE + (unsigned char)byte, out);
}

/* What would be taken for a separator, and what stands for it. */
static char *put_backslash(const char **path, char *out, uint32_t code)
{
	if (code == '\\') {
		*path += 1;
		return out + text_encode(BACKSLASH_CODE, out);
	}
	for (size_t i = 0; i < 3; i++)
		out = put_byte(out, *(*path)++);
	return out;
}

/* One character or byte of a component at *PATH, which it moves on. At most three times
 * as long as what was read. */
static char *put_escaped(const char **path, char *out, bool posix)
{
	const char *p = *path;
	uint32_t code;
	size_t length = text_decode(p, &code);

	if (!length && text_decode_surrogate(p, &code)) {
		*path += 1;
		return put_byte(out, *p);
	}
	if (!length)
		length = 1;
	else if (!posix && (code == '\\' || code == BACKSLASH_CODE))
		return put_backslash(path, out, code);
	memcpy(out, p, length);
	*path += length;
	return out + length;
}

/* Whether PATH is SHARE's directory or below it; *REST is what follows. */
static bool is_below(const char *path, const char *directory, const char **rest)
{
	size_t length = strlen(directory);

	if (length == 1)
		length = 0;
	if (strncmp(path, directory, length) != 0 ||
		(path[length] && path[length] != '/'))
		return false;
	*rest = path + length;
	return true;
}

/* The share with the longest directory that holds PATH. */
static const char *share_for(
	const struct unc_scheme *scheme, const char *path, const char **rest)
{
	const char *name = UNC_ROOT_SHARE;
	size_t longest = 0;

	*rest = path;
	for (size_t i = 0; i < scheme->share_count; i++) {
		const struct unc_share *share = &scheme->shares[i];
		const char *below;

		if (strlen(share->path) > longest &&
			is_below(path, share->path, &below)) {
			longest = strlen(share->path);
			name = share->name;
			*rest = below;
		}
	}
	return name;
}

static char *put_text(char *out, const char *text)
{
	size_t length = strlen(text);

	memcpy(out, text, length);
	return out + length;
}

static char *posix_from_path(const char *path)
{
	char *name = malloc(3 * strlen(path) + 1), *out = name;

	if (!name)
		return NULL;
	while (*path)
		out = put_escaped(&path, out, true);
	*out = '\0';
	return name;
}

char *unc_from_path(const struct unc_scheme *scheme, const char *path)
{
	const char *share, *rest;
	char *name, *out;

	if (scheme->posix)
		return posix_from_path(path);
	share = share_for(scheme, path, &rest);
	name = out = malloc(
		2 + strlen(scheme->server) + 1 + strlen(share) + 3 * strlen(rest) + 1);
	if (!name)
		return NULL;
	out = put_text(out, "\\\\");
	out = put_text(out, scheme->server);
	out = put_text(out, "\\");
	out = put_text(out, share);
	while (*rest) {
		if (*rest != '/') {
			out = put_escaped(&rest, out, false);
			continue;
		}
		rest += strspn(rest, "/");
		if (*rest)
			*out++ = '\\';
	}
	*out = '\0';
	return name;
}

/* ---- from name to path ---- */

static bool is_separator(char c, bool posix)
{
	return c == '/' || (!posix && c == '\\');
}

static const char *skip_separators(const char *s, bool posix)
{
	while (is_separator(*s, posix))
		s++;
	return s;
}

static const char *find_separator(const char *s, bool posix)
{
	while (*s && !is_separator(*s, posix))
		s++;
	return s;
}

static bool is_unc(const char *name)
{
	return name[0] == '\\' && name[1] == '\\';
}

/* As text_compare_nocase, for a part of a name. */
static bool equals_nocase(const char *begin, const char *end, const char *text)
{
	while (begin < end && text_fold(*begin) == text_fold(*text)) {
		begin++;
		text++;
	}
	return begin == end && !*text;
}

/* One component, not empty, without its escapes. */
static char *put_decoded(char *out, const char *begin, const char *end, bool posix)
{
	while (begin < end) {
		uint32_t code;
		size_t length = text_decode_surrogate(begin, &code);

		if (length && code >= FIRST_BYTE_CODE && code <= LAST_BYTE_CODE) {
			*out++ = (char)(code - BYTE_CODE);
			begin += length;
			continue;
		}
		length = text_decode(begin, &code);
		if (length && code == BACKSLASH_CODE && !posix) {
			*out++ = '\\';
			begin += length;
			continue;
		}
		*out++ = *begin++;
	}
	return out;
}

static bool is_dots(const char *begin, const char *end)
{
	size_t length = (size_t)(end - begin);

	return (length == 1 && begin[0] == '.') ||
	       (length == 2 && begin[0] == '.' && begin[1] == '.');
}

/* The components of REST below DIRECTORY. Decoding gives no '/', '.' or NUL, only bytes
 * from 0x80 on and backslashes, so that checking ahead of it is enough. */
static status path_below(const char *directory, const char *rest, bool posix,
	const char *name, char **path)
{
	size_t root = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
	char *out = malloc(root + strlen(rest) + 2);

	if (!out)
		return status_no_memory();
	*path = out;
	memcpy(out, directory, root);
	out += root;
	while (*(rest = skip_separators(rest, posix))) {
		const char *end = find_separator(rest, posix);

		if (is_dots(rest, end)) {
			free(*path);
			*path = NULL;
			return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
				"%s: \".\" and \"..\" are not allowed in a name", name);
		}
		*out++ = '/';
		out = put_decoded(out, rest, end, posix);
		rest = end;
	}
	if (out == *path)
		*out++ = '/';
	*out = '\0';
	return STATUS_OK;
}

/* The directory of the share named from BEGIN to END, or NULL. */
static const char *share_directory(
	const struct unc_scheme *scheme, const char *begin, const char *end)
{
	for (size_t i = 0; i < scheme->share_count; i++)
		if (equals_nocase(begin, end, scheme->shares[i].name))
			return scheme->shares[i].path;
	return equals_nocase(begin, end, UNC_ROOT_SHARE) ? "/" : NULL;
}

static status path_in_share(
	const struct unc_scheme *scheme, const char *name, char **path)
{
	const char *server = name + 2;
	const char *server_end = find_separator(server, false);
	const char *share = skip_separators(server_end, false);
	const char *share_end = find_separator(share, false);
	const char *directory;

	if (!equals_nocase(server, server_end, scheme->server))
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: does not belong to the server %s", name, scheme->server);
	if (share == share_end)
		return status_fail(
			STATUS_WIN32(ERROR_INVALID_NAME), "%s: names no share", name);
	directory = share_directory(scheme, share, share_end);
	if (!directory)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: the server %s has no such share", name, scheme->server);
	return path_below(directory, share_end, false, name, path);
}

status unc_to_path(const struct unc_scheme *scheme, const char *name, char **path)
{
	const char *bare = unc_skip_tag(name);

	*path = NULL;
	if (*bare == '/')
		return path_below("/", bare, true, name, path);
	if (!is_unc(bare))
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: neither an absolute path nor a UNC name", name);
	return path_in_share(scheme, bare, path);
}

char *unc_server(const char *name)
{
	const char *server = unc_skip_tag(name), *end;

	if (!is_unc(server))
		return NULL;
	server += 2;
	end = find_separator(server, false);
	return end == server ? NULL : strndup(server, (size_t)(end - server));
}

/* The directories' tags are one raw byte in A lists, and U+0082 and U+0083 in what comes
 * from W lists. */
const char *unc_skip_tag(const char *name)
{
	const char *bare = name;

	if (*bare == '\xc2' && (bare[1] == '\x82' || bare[1] == '\x83'))
		bare += 2;
	else if (*bare && strchr("!D%\x0f\x82\x83", *bare))
		bare++;
	return bare != name && is_separator(*bare, false) ? bare : name;
}
