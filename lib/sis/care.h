/*
 * care.h - finding duplicates and making them links, checking, cleaning up
 */
#ifndef SIS_CARE_H
#define SIS_CARE_H

#include <backupapi/sis.h>

#include "base/status.h"

struct sis_care {
	backupapi_sis_callback callback; /* NULL is fine */
	void *context;
	struct backupapi_sis_summary *summary; /* never NULL */
};

status sis_scan(const char *root, uint64_t minimum, const struct sis_care *care);
status sis_link_duplicates(const char *root, uint64_t minimum, const struct sis_care *care);
status sis_unlink(const char *root, const char *path);
status sis_show(const char *root, const char *path, struct backupapi_sis_link_info *info);
status sis_check(const char *root, const struct sis_care *care);
status sis_gc(const char *root, bool dry_run, const struct sis_care *care);

#endif
