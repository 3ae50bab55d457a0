#include "api/sis_text.h"

#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "base/alloc.h"
#include "base/text.h"
#include "base/unc.h"

/* Paths as they are, but bytes that are not UTF-8 as in every name that is listed. */
static const struct unc_scheme plain_paths = {.server = "", .posix = true};

status sis_text_path(const WCHAR *wide, char **path)
{
	char *text;
	status rc = argument_text(wide, &text);

	*path = NULL;
	if (failed(rc))
		return rc;
	if (!*text) {
		*path = text;
		return STATUS_OK;
	}
	rc = *text == '/' ? unc_to_path(&plain_paths, text, path)
			  : status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
				    "%s: is not an absolute path", text);
	free(text);
	return rc;
}

status sis_text_string(const char *path, WCHAR **block)
{
	char *text = *path ? unc_from_path(&plain_paths, path) : strdup("");

	*block = NULL;
	if (text)
		*block = alloc_block(
			ALLOC_SIS, (text_wide_length(text) + 1) * sizeof(WCHAR));
	if (*block)
		(void)text_to_wide(text, *block);
	free(text);
	return *block ? STATUS_OK : status_no_memory();
}

static void free_array(WCHAR **array, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)alloc_free(ALLOC_SIS, array[i]);
	(void)alloc_free(ALLOC_SIS, array);
}

static status make_array(char *const *paths, size_t count, WCHAR ***array)
{
	WCHAR **items = alloc_block(ALLOC_SIS, count * sizeof(*items));

	if (!items)
		return status_no_memory();
	for (size_t i = 0; i < count; i++) {
		status rc = sis_text_string(paths[i], &items[i]);

		if (failed(rc)) {
			free_array(items, i);
			return rc;
		}
	}
	*array = items;
	return STATUS_OK;
}

status sis_text_array(const struct names *paths, WCHAR ***array, ULONG *count)
{
	status rc = STATUS_OK;

	*array = NULL;
	*count = 0;
	if (paths->count)
		rc = make_array(paths->items, paths->count, array);
	if (!failed(rc))
		*count = (ULONG)paths->count;
	return rc;
}

status sis_text_single(char *path, WCHAR ***array, ULONG *count)
{
	status rc = STATUS_OK;

	*array = NULL;
	*count = 0;
	if (path) {
		rc = make_array(&path, 1, array);
		*count = failed(rc) ? 0 : 1;
	}
	free(path);
	return rc;
}
