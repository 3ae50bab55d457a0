#include <backupapi/ese.h>

#include "api/argument.h"
#include "base/alloc.h"
#include "engine/ese_inspect.h"

static status inspect(const char *path, uint32_t options, backupapi_ese_callback callback,
	void *context, struct backupapi_ese_info **info)
{
	struct backupapi_ese_info *block = alloc_block(ALLOC_NATIVE, sizeof(*block));
	status rc;

	if (!block)
		return status_no_memory();
	*block = (struct backupapi_ese_info){.size = sizeof(*block)};
	rc = ese_inspect(path, options, callback, context, block);
	if (failed(rc))
		(void)alloc_free(ALLOC_NATIVE, block);
	else
		*info = block;
	return rc;
}

int32_t backupapi_ese_inspect(const char *path, uint32_t options,
	backupapi_ese_callback callback, void *context, struct backupapi_ese_info **info)
{
	status rc;

	status_begin();
	if (info)
		*info = NULL;
	if (!path)
		rc = argument_invalid(__func__, "path is NULL");
	else if (!info)
		rc = argument_invalid(__func__, "info is NULL");
	else if (options & ~BACKUPAPI_ESE_HEADER_ONLY)
		rc = argument_invalid(__func__, "options has unknown bits");
	else
		rc = inspect(path, options, callback, context, info);
	return status_publish(rc);
}
