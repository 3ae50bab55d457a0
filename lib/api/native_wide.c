/* The functions of backupapi.h with WCHAR text. Compiled twice, for either width of WCHAR:
 * the labels there give the second set of definitions its own symbols. */
#include <backupapi/backupapi.h>

#include "api/native.h"

char *backupapi_path_from_name(const WCHAR *name)
{
	return native_path_from_name(__func__, given_wide(name));
}

WCHAR *backupapi_name_from_path(const char *server, const char *path)
{
	return native_name_from_path(__func__, server, path, WCHAR_FORM);
}

int32_t backupapi_log_generation(
	const char *server, const WCHAR *name, uint32_t *generation)
{
	return native_log_generation(__func__, server, given_wide(name), generation);
}
