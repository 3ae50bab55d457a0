/*
 * ese_inspect.h - everything about one file, with progress, for backupapi_ese_inspect()
 */
#ifndef ENGINE_ESE_INSPECT_H
#define ENGINE_ESE_INSPECT_H

#include <backupapi/ese.h>

#include "base/status.h"

/* As backupapi/ese.h describes it; INFO is all zero but for its size. */
status ese_inspect(const char *path, uint32_t options, backupapi_ese_callback callback,
	void *context, struct backupapi_ese_info *info);

#endif
