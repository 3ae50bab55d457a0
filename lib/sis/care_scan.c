#include "sis/care_items.h"

static status report(
	struct care_run *run, void *context, struct care_item *const *set, size_t count)
{
	struct backupapi_sis_summary *summary = run->care->summary;
	status rc = STATUS_OK;

	(void)context;
	for (size_t i = 1; !failed(rc) && i < count; i++) {
		if (set[i]->stored)
			continue;
		summary->duplicates++;
		summary->saved_bytes += set[i]->disk;
		rc = care_tell(run, BACKUPAPI_SIS_DUPLICATE, set[i]->path, set[0]->path,
			NULL, set[i]->size);
	}
	return rc;
}

status sis_scan(const char *root, uint64_t minimum, const struct sis_care *care)
{
	struct care_run run;
	uint64_t max_index;
	status rc = care_begin(root, care, &run);

	if (!failed(rc))
		rc = care_find_same(&run, minimum, &max_index, report, NULL, NULL);
	care_end(&run);
	return rc;
}
