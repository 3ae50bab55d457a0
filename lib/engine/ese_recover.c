#include "engine/ese_recover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/ese_inspect.h"
#include "engine/ese_log_dir.h"

/* ---- one file ---- */

/* The first thing that is wrong with a file. */
struct finding {
	bool tell; /* of all others, too */
	char *reason;
	bool out_of_memory;
};

static int take_event(void *context, const struct backupapi_ese_event *event)
{
	struct finding *finding = context;

	if (event->kind != BACKUPAPI_ESE_DAMAGE)
		return 0;
	if (finding->tell)
		trace(TRACE_ERROR, "%s", event->reason);
	if (finding->reason)
		return 0;
	finding->reason = strdup(event->reason);
	finding->out_of_memory = !finding->reason;
	return finding->out_of_memory || !finding->tell;
}

/* An inspection that was ended at the first damage was cancelled by this file. */
static status inspect(
	const char *path, struct finding *finding, struct backupapi_ese_info *info)
{
	status rc;

	*info = (struct backupapi_ese_info){.size = sizeof(*info)};
	rc = ese_inspect(path, 0, take_event, finding, info);
	if (finding->out_of_memory)
		return status_no_memory();
	return finding->reason ? STATUS_OK : rc;
}

static status code_of_kind(uint32_t kind)
{
	switch (kind) {
	case BACKUPAPI_ESE_KIND_LOG:
		return hrLogFileCorrupt;
	case BACKUPAPI_ESE_KIND_CHECKPOINT:
		return hrCheckpointCorrupt;
	default:
		return hrDatabaseCorrupted;
	}
}

status ese_verify(const struct engine *engine, const char *path)
{
	struct finding finding = {.tell = false};
	struct backupapi_ese_info info;
	status rc = inspect(path, &finding, &info);

	(void)engine;
	if (rc == STATUS_WIN32(ERROR_INVALID_DATA))
		rc = status_fail(hrDatabaseCorrupted, "%s", status_pending());
	else if (!failed(rc) && finding.reason)
		rc = status_fail(code_of_kind(info.kind), "%s", finding.reason);
	else if (!failed(rc) && (info.kind == BACKUPAPI_ESE_KIND_FLUSH_MAP ||
					info.kind == BACKUPAPI_ESE_KIND_SPARE_LOG))
		rc = S_FALSE;
	free(finding.reason);
	return rc;
}

/* ---- databases ---- */

struct restored {
	const struct engine_recovery *recovery;
	bool report;
	struct ese_need need;
	struct ese_signature signature; /* of the logs; unset: not known */
};

static status read_header(const char *path, struct ese_header *header)
{
	uint64_t pages;
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = ese_header_read(fd, path, header);
	(void)close(fd);
	if (!failed(rc) && !header->streaming_file)
		rc = ese_header_page_count(header, (uint64_t)st.st_size, path, &pages);
	return rc;
}

static status check_pages(const struct restored *r, const char *path)
{
	struct finding finding = {.tell = r->report};
	struct backupapi_ese_info info;
	status rc = inspect(path, &finding, &info);

	if (!failed(rc) && finding.reason && !r->report)
		rc = status_fail(hrDatabaseCorrupted, "%s", finding.reason);
	free(finding.reason);
	return rc;
}

static status check_database(struct restored *r, const char *path)
{
	struct ese_header header;
	status rc = read_header(path, &header);

	if (!failed(rc))
		rc = ese_need_add(&r->need, &header, path);
	if (failed(rc))
		return rc;
	if (!ese_signature_set(&r->signature))
		r->signature = header.log_signature;
	return check_pages(r, path);
}

/* ---- logs ---- */

static status check_range(const struct restored *r)
{
	const struct engine_recovery *recovery = r->recovery;
	const struct ese_need *need = &r->need;

	if (need->low == 0)
		return STATUS_OK;
	if (recovery->low == 0 || need->low < recovery->low ||
		need->high > recovery->high)
		return status_fail(hrMissingRestoreLogFiles,
			"%s: the databases need the logs 0x%" PRIX32 " to 0x%" PRIX32
			"; 0x%" PRIX32 " to 0x%" PRIX32 " were restored",
			recovery->log_dir, need->low, need->high, recovery->low,
			recovery->high);
	if (need->committed > recovery->high)
		trace(TRACE_ERROR,
			"%s: the logs after 0x%" PRIX32 " are missing, up to 0x%" PRIX32
			": the last transactions are lost",
			recovery->log_dir, recovery->high, need->committed);
	return STATUS_OK;
}

static status check_logs(const struct restored *r, const struct store_config *store)
{
	const struct engine_recovery *recovery = r->recovery;
	const struct ese_logset_check check = {
		.low = recovery->low,
		.high = recovery->high,
		.signature = ese_signature_set(&r->signature) ? &r->signature : NULL,
		.bodies = true,
	};
	struct ese_log_dir logs;
	status rc;

	if (recovery->low == 0)
		return STATUS_OK;
	rc = ese_log_dir_open(store, recovery->log_dir, &logs);
	if (!failed(rc))
		rc = ese_logset_verify(&logs.set, &check);
	ese_log_dir_close(&logs);
	if (rc == hrMissingLogFile)
		rc = status_fail(hrMissingRestoreLogFiles, "%s", status_pending());
	return rc;
}

/* ---- all ---- */

static void tell(const struct restored *r)
{
	const struct engine_recovery *recovery = r->recovery;

	if (recovery->low)
		trace(TRACE_INFO,
			"%s: the restored set is complete and consistent: %zu databases, "
			"logs 0x%" PRIX32 " to 0x%" PRIX32
			"; the Windows machine that opens it will replay them",
			recovery->log_dir, recovery->databases->count, recovery->low,
			recovery->high);
	else
		trace(TRACE_INFO,
			"%s: the restored set is complete and consistent: %zu databases "
			"that need no logs",
			recovery->log_dir, recovery->databases->count);
}

status ese_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	struct restored r = {.recovery = recovery, .report = store->verify_report};
	status rc = STATUS_OK;

	(void)engine;
	for (size_t i = 0; i < recovery->databases->count && !failed(rc); i++)
		rc = check_database(&r, recovery->databases->items[i]);
	if (!failed(rc))
		rc = check_range(&r);
	if (!failed(rc))
		rc = check_logs(&r, store);
	if (!failed(rc))
		tell(&r);
	return rc;
}
