/* The functions of compat.h with WCHAR text. Compiled twice, for either width of WCHAR:
 * the labels there give the second set of definitions its own symbols. */
#include <backupapi/compat.h>

#include "api/argument.h"
#include "api/native.h"
#include "base/text.h"

char *backupapi_text_from_wide(const WCHAR *wide)
{
	char *text = NULL, *block = NULL;
	status rc;

	status_begin();
	rc = wide ? argument_copy(given_wide(wide), &text)
		  : argument_invalid(__func__, "wide is NULL");
	if (!failed(rc))
		rc = native_string(text, &block);
	(void)status_publish_win32(rc);
	return block;
}

size_t backupapi_text_to_wide(const char *text, WCHAR *wide, size_t capacity)
{
	size_t length = text ? text_length(text, WCHAR_FORM) : 0;

	status_begin();
	if (!text)
		(void)status_publish_win32(argument_invalid(__func__, "text is NULL"));
	else if (length < capacity)
		(void)text_write(text, WCHAR_FORM, wide);
	return length;
}
