#include "api/sis_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/unc.h"

/* Paths as they are, but bytes that are not UTF-8 as in every name that is listed. */
static const struct unc_scheme plain_paths = {.server = "", .posix = true};

status sis_text_path(struct given given, char **path)
{
	char *text;
	status rc = argument_copy(given, &text);

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

status sis_text_string(const char *path, enum text_form form, void **block)
{
	char *text = *path ? unc_from_path(&plain_paths, path) : strdup("");

	*block = NULL;
	if (text)
		*block = alloc_block(ALLOC_SIS, (text_length(text, form) + 1) * form);
	if (*block)
		(void)text_write(text, form, *block);
	free(text);
	return *block ? STATUS_OK : status_no_memory();
}

void sis_text_free(void *array, size_t count)
{
	void **items = array;

	for (size_t i = 0; i < count; i++)
		(void)alloc_free(ALLOC_SIS, items[i]);
	(void)alloc_free(ALLOC_SIS, items);
}

static status make_array(
	char *const *paths, size_t count, enum text_form form, void **array)
{
	void **items = alloc_block(ALLOC_SIS, count * sizeof(*items));

	if (!items)
		return status_no_memory();
	for (size_t i = 0; i < count; i++) {
		status rc = sis_text_string(paths[i], form, &items[i]);

		if (failed(rc)) {
			sis_text_free(items, i);
			return rc;
		}
	}
	*array = items;
	return STATUS_OK;
}

status sis_text_array(const struct names *paths, enum text_form form, void **array)
{
	*array = NULL;
	return paths->count ? make_array(paths->items, paths->count, form, array)
			    : STATUS_OK;
}

status sis_text_single(char *path, enum text_form form, void **array)
{
	status rc;

	*array = NULL;
	rc = make_array(&path, 1, form, array);
	free(path);
	return rc;
}
