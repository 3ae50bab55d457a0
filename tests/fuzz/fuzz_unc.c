/*
 * fuzz_unc.c - any path comes back from its name, and any name is a path or refused
 *
 * The first byte of the input chooses the way of naming, the rest is the path or name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/unc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct unc_share shares[] = {
	{.name = (char[]){"a"}, .path = (char[]){"/a"}},
	{.name = (char[]){"B"}, .path = (char[]){"/a/b"}},
	{.name = (char[]){"odd"}, .path = (char[]){"/\xff\\"}},
	{.name = (char[]){"all"}, .path = (char[]){"/"}},
};

static const struct unc_scheme schemes[] = {
	{.server = "h"},
	{.server = "h", .shares = shares, .share_count = 3},
	{.server = "h", .shares = shares, .share_count = 4},
	{.server = "h", .posix = true},
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static char *through(const char *text, enum text_form form)
{
	size_t length = text_length(text, form);
	char *units = malloc((length + 1) * form), *back;

	require(units != NULL);
	require(text_write(text, form, units) == units + length * form);
	require(text_read(units, form, &back) == STATUS_OK);
	free(units);
	return back;
}

/* The same in both widths. */
static char *through_wide(const char *text)
{
	char *back = through(text, TEXT_WIDE), *other = through(text, TEXT_UTF16);

	require(strcmp(back, other) == 0);
	free(other);
	return back;
}

/* A path in the form that names lead to has no empty components and no dots. */
static bool is_plain(const char *path)
{
	const char *last = strrchr(path, '/');

	return path[0] == '/' && (last == path || last[1]) && !strstr(path, "//") &&
	       !strstr(path, "/./") && !strstr(path, "/../") && strcmp(last, "/.") != 0 &&
	       strcmp(last, "/..") != 0;
}

static void check_path(const struct unc_scheme *scheme, const char *path)
{
	char *name = unc_from_path(scheme, path), *wide = through_wide(name), *back;

	require(unc_to_path(scheme, wide, &back) == STATUS_OK);
	require(strcmp(back, path) == 0);
	free(back);
	require(unc_to_path(scheme, name, &back) == STATUS_OK);
	require(strcmp(back, path) == 0);
	free(back);
	free(wide);
	free(name);
}

static void check_name(const struct unc_scheme *scheme, const char *name)
{
	char *path, *server = unc_server(name);
	status rc = unc_to_path(scheme, name, &path);

	require(rc == STATUS_OK || rc == STATUS_WIN32(ERROR_INVALID_NAME));
	require((rc == STATUS_OK) == (path != NULL));
	if (path) {
		require(is_plain(path));
		check_path(scheme, path);
	}
	free(path);
	free(server);
}

static void check_escape(const char *text)
{
	char *escaped = text_escape(text);

	require(escaped && !strchr(escaped, '\n'));
	require(text_unescape(escaped) && strcmp(escaped, text) == 0);
	strcpy(escaped, text);
	(void)text_unescape(escaped);
	free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct unc_scheme *scheme = &schemes[size ? data[0] % 4 : 0];
	char *text = malloc(size + 1);

	require(text != NULL);
	if (size)
		memcpy(text, data + 1, size - 1);
	text[size ? size - 1 : 0] = '\0';
	check_name(scheme, text);
	if (is_plain(text))
		check_path(scheme, text);
	check_escape(text);
	free(text);
	return 0;
}
