/* Logs that were restored, before they are put in place (ese_caller.h). */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/ese_caller.h"
#include "engine/ese_log_dir.h"
#include "engine/log_part.h"

static status read_header(const char *path, struct ese_log_header *header)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = ese_log_read(fd, path, header);
	(void)close(fd);
	return rc;
}

status ese_log_continues(const struct engine_log *shorter,
	const struct engine_log *longer, bool *continues)
{
	struct ese_log_header a, b;
	status rc = read_header(shorter->path, &a);

	*continues = false;
	if (!failed(rc))
		rc = read_header(longer->path, &b);
	if (failed(rc))
		return rc;
	*continues = longer->size >= shorter->size && a.generation == b.generation &&
		     ese_signature_equal(&a.signature, &b.signature) &&
		     ese_time_equal(a.created, b.created);
	return STATUS_OK;
}

/* ---- one log ---- */

/* The name of an unfinished one tells how much of it was written. */
static status check_part(int fd, const struct engine_log *log,
	const struct ese_log_header *header, uint64_t size)
{
	uint64_t told, used;
	size_t stem;
	status rc;

	if (!log_part_split(log->path, &stem, &told))
		return STATUS_OK;
	rc = ese_log_used(fd, log->path, header, size, &used);
	if (failed(rc) || used == told)
		return rc;
	return status_fail(hrLogFileCorrupt,
		"%s: %" PRIu64
		" bytes of the log are written; by its name there are %" PRIu64,
		log->path, used, told);
}

static status verify_log(const struct engine_log *log, struct ese_log *verified)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(log->path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = ese_log_verify(fd, log->path, NULL, verified);
	if (!failed(rc))
		rc = check_part(fd, log, &verified->header, (uint64_t)st.st_size);
	(void)close(fd);
	if (!failed(rc) && verified->header.generation != log->generation)
		rc = status_fail(ESE_WRONG_GENERATION,
			"%s: by its name this is log 0x%" PRIX32
			", by its header 0x%" PRIX32,
			log->path, log->generation, verified->header.generation);
	return rc;
}

/* ---- all ---- */

/* The few codes that a restore knows how to go on with. */
static status as_given(status rc)
{
	switch (rc) {
	case ESE_WRONG_LOG_SIZE:
	case hrBadLogVersion:
		return status_fail(hrLogFileCorrupt, "%s", status_pending());
	case ESE_WRONG_GENERATION:
	case ESE_LOG_SUM_DIFFERS:
	case hrMissingLogFile:
		return status_fail(hrGivenLogFileIsNotContiguous, "%s", status_pending());
	default:
		return rc;
	}
}

status ese_check_logs(
	const struct store_config *store, const struct engine_log *logs, size_t count)
{
	struct ese_log previous, log;
	status rc = STATUS_OK;

	(void)store;
	for (size_t i = 0; i < count && !failed(rc); i++) {
		rc = verify_log(&logs[i], &log);
		if (!failed(rc) && i > 0)
			rc = ese_log_follows(
				&previous, logs[i - 1].path, &log, logs[i].path);
		previous = log;
	}
	return failed(rc) ? as_given(rc) : STATUS_OK;
}
