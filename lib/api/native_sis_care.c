/* The care of common stores, with the arguments checked. */
#include <backupapi/sis.h>

#include "api/argument.h"
#include "sis/care.h"

/* SUMMARY may be NULL for callers; the library always fills one. */
struct care_call {
	struct backupapi_sis_summary unwanted;
	struct sis_care care;
};

static status begin_care(const char *function, const char *volume,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary, struct care_call *call)
{
	status_begin();
	call->care = (struct sis_care){.callback = callback,
		.context = context,
		.summary = summary ? summary : &call->unwanted};
	*call->care.summary = (struct backupapi_sis_summary){0};
	return volume ? STATUS_OK : argument_invalid(function, "volume is NULL");
}

int32_t backupapi_sis_scan(const char *volume, uint64_t minimum,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary)
{
	struct care_call call;
	status rc = begin_care(__func__, volume, callback, context, summary, &call);

	return status_publish(failed(rc) ? rc : sis_scan(volume, minimum, &call.care));
}

int32_t backupapi_sis_link(const char *volume, uint64_t minimum,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary)
{
	struct care_call call;
	status rc = begin_care(__func__, volume, callback, context, summary, &call);

	return status_publish(
		failed(rc) ? rc : sis_link_duplicates(volume, minimum, &call.care));
}

int32_t backupapi_sis_check(const char *volume, backupapi_sis_callback callback,
	void *context, struct backupapi_sis_summary *summary)
{
	struct care_call call;
	status rc = begin_care(__func__, volume, callback, context, summary, &call);

	return status_publish(failed(rc) ? rc : sis_check(volume, &call.care));
}

int32_t backupapi_sis_gc(const char *volume, int dry_run, backupapi_sis_callback callback,
	void *context, struct backupapi_sis_summary *summary)
{
	struct care_call call;
	status rc = begin_care(__func__, volume, callback, context, summary, &call);

	return status_publish(failed(rc) ? rc : sis_gc(volume, dry_run != 0, &call.care));
}

static status check_file(const char *function, const char *volume, const char *path)
{
	if (!volume)
		return argument_invalid(function, "volume is NULL");
	return path ? STATUS_OK : argument_invalid(function, "path is NULL");
}

int32_t backupapi_sis_unlink(const char *volume, const char *path)
{
	status rc;

	status_begin();
	rc = check_file(__func__, volume, path);
	return status_publish(failed(rc) ? rc : sis_unlink(volume, path));
}

int32_t backupapi_sis_show(
	const char *volume, const char *path, struct backupapi_sis_link_info *info)
{
	status rc;

	status_begin();
	if (info)
		*info = (struct backupapi_sis_link_info){0};
	rc = check_file(__func__, volume, path);
	if (!failed(rc) && !info)
		rc = argument_invalid(__func__, "info is NULL");
	return status_publish(failed(rc) ? rc : sis_show(volume, path, info));
}
