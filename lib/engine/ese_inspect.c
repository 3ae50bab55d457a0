/* What is found to be damaged is told and the work goes on, as far as it can; whatever else
 * fails (reading, memory, the caller's wish) ends it. */
#include "engine/ese_inspect.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/ese_names.h"
#include "engine/ese_page.h"
#include "engine/ese_recognise.h"
#include "engine/ese_report.h"

#define READ_SIZE (UINT32_C(1) << 20) /* whole pages of every size */

_Static_assert(READ_SIZE % ESE_PAGE_MAX == 0, "a read ends at the end of a page");

struct inspection {
	int fd;
	const char *path;
	const char *name; /* PATH's last component */
	uint32_t options;
	backupapi_ese_callback callback;
	void *context;
	struct backupapi_ese_info *info;
};

/* ---- telling ---- */

static status tell(const struct inspection *in, struct backupapi_ese_event event)
{
	event.path = in->path;
	event.total_bytes = in->info->file_size;
	if (!in->callback || !in->callback(in->context, &event))
		return STATUS_OK;
	return status_fail(
		STATUS_WIN32(ERROR_CANCELLED), "%s: the check was cancelled", in->path);
}

static status tell_progress(void *context, uint64_t done)
{
	return tell(context,
		(struct backupapi_ese_event){
			.kind = BACKUPAPI_ESE_PROGRESS, .bit = -1, .done_bytes = done});
}

static bool is_damage(status rc)
{
	static const status codes[] = {hrReadVerifyFailure, hrDatabaseCorrupted,
		hrDatabaseInvalidPages, hrLogFileCorrupt, hrBadLogVersion,
		hrCheckpointCorrupt, ESE_WRONG_GENERATION, ESE_WRONG_LOG_SIZE,
		ESE_WRONG_PAGE, ESE_BAD_VERSION, ESE_WRONG_PAGE_SIZE};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (rc == codes[i])
			return true;
	return false;
}

/* RC was just explained: damage becomes an event, and the work's status STATUS_OK. */
static status take(
	const struct inspection *in, status rc, struct backupapi_ese_event event)
{
	char *reason;

	if (!is_damage(rc))
		return rc;
	reason = strdup(status_pending());
	if (!reason)
		return status_no_memory();
	if (!in->info->problems++)
		in->info->damage = rc;
	event.kind = BACKUPAPI_ESE_DAMAGE;
	event.code = rc;
	event.reason = reason;
	rc = tell(in, event);
	free(reason);
	return rc;
}

static status take_plain(const struct inspection *in, status rc)
{
	return take(in, rc, (struct backupapi_ese_event){.bit = -1});
}

/* ---- pages ---- */

static status take_page(struct inspection *in, const struct ese_page *page, uint64_t done)
{
	struct backupapi_ese_database *database = &in->info->database;

	if (page->verdict == ESE_PAGE_GOOD) {
		database->pages_good++;
		database->pages_legacy += page->rule == ESE_RULE_XOR;
		return STATUS_OK;
	}
	if (page->verdict == ESE_PAGE_UNUSED) {
		database->pages_unused++;
		return STATUS_OK;
	}
	database->pages_bad++;
	database->pages_single_bit += page->single_bit;
	return take(in, ese_page_status(page, database->page_size, in->path),
		(struct backupapi_ese_event){
			.page = page->number,
			.offset = ese_page_offset(page->number, database->page_size),
			.belongs =
				page->verdict == ESE_PAGE_MISPLACED ? page->belongs : 0,
			.bit = page->single_bit ? (int32_t)page->bit : -1,
			.done_bytes = done,
		});
}

static status check_pages(struct inspection *in, const uint8_t *data, size_t size,
	uint32_t first, bool trailer)
{
	const struct backupapi_ese_database *database = &in->info->database;
	const uint32_t page_size = database->page_size;
	status rc = STATUS_OK;

	for (size_t at = 0; at < size && !failed(rc); at += page_size) {
		const uint32_t number = first + (uint32_t)(at / page_size);
		struct ese_page page =
			trailer && number == database->pages
				? ese_page_check_trailer(data + at, page_size, number)
				: ese_page_check(data + at, page_size, number);

		ese_page_judge(&page, database->pages);
		rc = take_page(in, &page, ese_page_offset(number, page_size));
	}
	return rc;
}

/* SIZE bytes, whole pages, beginning with page FIRST. */
static status read_pages(
	struct inspection *in, uint8_t *data, size_t size, uint32_t first, bool trailer)
{
	const uint64_t offset = ese_page_offset(first, in->info->database.page_size);
	size_t got;
	status rc = file_pread(in->fd, data, size, offset, &got, in->path);

	if (failed(rc))
		return rc;
	if (got < size)
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: became shorter while it was read", in->path);
	rc = check_pages(in, data, size, first, trailer);
	return failed(rc) ? rc : tell_progress(in, offset + size);
}

static status walk_pages(struct inspection *in, bool trailer)
{
	const struct backupapi_ese_database *database = &in->info->database;
	const uint64_t at_once = READ_SIZE / database->page_size;
	uint8_t *data = malloc(READ_SIZE);
	status rc = data ? STATUS_OK : status_no_memory();

	(void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (uint64_t page = 1; page <= database->pages && !failed(rc); page += at_once) {
		const uint64_t left = database->pages - page + 1;
		const uint64_t count = left < at_once ? left : at_once;

		rc = read_pages(in, data, (size_t)(count * database->page_size),
			(uint32_t)page, trailer);
	}
	free(data);
	return rc;
}

/* ---- the kinds of files ---- */

static status note(const struct inspection *in, const char *what)
{
	char *reason = NULL;
	status rc;

	if (asprintf(&reason, "%s: %s", in->path, what) < 0)
		return status_no_memory();
	rc = tell(in, (struct backupapi_ese_event){
			      .kind = BACKUPAPI_ESE_NOTE, .bit = -1, .reason = reason});
	free(reason);
	return rc;
}

/* CODE: what it is when one of two copies is damaged. */
static status take_copies(const struct inspection *in, status code)
{
	const unsigned copies = in->info->copies;
	const char *which = copies & BACKUPAPI_ESE_FIRST_COPY ? "second" : "first";

	if (copies & BACKUPAPI_ESE_COPIES_DIFFER)
		return note(in, "the two copies of the header are good, but not the "
				"same: the first "
				"one counts");
	if ((copies & BACKUPAPI_ESE_FIRST_COPY) && (copies & BACKUPAPI_ESE_SECOND_COPY))
		return STATUS_OK;
	return take_plain(
		in, status_fail(code, "%s: the %s copy of its header is damaged",
			    in->path, which));
}

static status inspect_pages(struct inspection *in, const struct ese_header *header)
{
	struct backupapi_ese_database *database = &in->info->database;
	status rc = take_plain(in, ese_header_page_count(header, in->info->file_size,
					   in->path, &database->pages));

	if (failed(rc))
		return rc;
	if (database->pages < UINT32_MAX && ese_header_pages_checked(header) &&
		!(in->options & BACKUPAPI_ESE_HEADER_ONLY))
		return walk_pages(in, ese_header_has_trailer(header));
	database->pages_unchecked = database->pages;
	return STATUS_OK;
}

static status inspect_database(struct inspection *in)
{
	struct ese_header header;
	status rc = ese_header_read(in->fd, in->path, &header);

	in->info->copies = header.copies;
	ese_report_database(&header, &in->info->database);
	if (failed(rc))
		return take_plain(in, rc);
	rc = take_copies(in, hrDatabaseCorrupted);
	if (!failed(rc) && !header.streaming_file)
		rc = inspect_pages(in, &header);
	return rc;
}

static status check_name(const struct inspection *in, const struct ese_log_header *header)
{
	const struct ese_name name = ese_name_parse(in->name);

	if (name.kind != ESE_NAME_LOG || name.generation == header->generation)
		return STATUS_OK;
	return take_plain(in, status_fail(ESE_WRONG_GENERATION,
				      "%s: by its name this is log 0x%" PRIX32
				      ", by its header 0x%" PRIX32,
				      in->path, name.generation, header->generation));
}

static status inspect_log(struct inspection *in)
{
	const struct ese_tick tick = {tell_progress, in};
	struct ese_log log = {.verified = false};
	status rc = ese_log_read(in->fd, in->path, &log.header);

	if (failed(rc))
		return take_plain(in, rc);
	in->info->copies = BACKUPAPI_ESE_FIRST_COPY;
	rc = check_name(in, &log.header);
	if (!failed(rc) && !(in->options & BACKUPAPI_ESE_HEADER_ONLY))
		rc = take_plain(in, ese_log_verify(in->fd, in->path, &tick, &log));
	ese_report_log(&log, &in->info->log);
	return rc;
}

static status inspect_checkpoint(struct inspection *in)
{
	struct ese_checkpoint checkpoint;
	status rc = ese_checkpoint_read(in->fd, in->path, &checkpoint);

	if (failed(rc))
		return take_plain(in, rc);
	in->info->copies = checkpoint.copies;
	ese_report_checkpoint(&checkpoint, &in->info->checkpoint);
	return take_copies(in, hrCheckpointCorrupt);
}

static status recognise(struct inspection *in)
{
	uint8_t *data = malloc(ESE_HEADERS_SIZE);
	size_t got;
	status rc;

	if (!data)
		return status_no_memory();
	rc = file_pread(in->fd, data, ESE_HEADERS_SIZE, 0, &got, in->path);
	if (!failed(rc))
		in->info->kind = ese_recognise(data, got, in->name);
	free(data);
	if (!failed(rc) && !in->info->kind)
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is no database, log or checkpoint of ESE", in->path);
	return rc;
}

static status inspect_kind(struct inspection *in)
{
	switch (in->info->kind) {
	case BACKUPAPI_ESE_KIND_DATABASE:
	case BACKUPAPI_ESE_KIND_STREAMING:
	case BACKUPAPI_ESE_KIND_TEMPORARY:
		return inspect_database(in);
	case BACKUPAPI_ESE_KIND_LOG:
		return inspect_log(in);
	case BACKUPAPI_ESE_KIND_CHECKPOINT:
		return inspect_checkpoint(in);
	default:
		return STATUS_OK;
	}
}

status ese_inspect(const char *path, uint32_t options, backupapi_ese_callback callback,
	void *context, struct backupapi_ese_info *info)
{
	const char *slash = strrchr(path, '/');
	struct inspection in = {
		.fd = -1,
		.path = path,
		.name = slash ? slash + 1 : path,
		.options = options,
		.callback = callback,
		.context = context,
		.info = info,
	};
	struct stat st;
	status rc = file_open_regular(path, FILE_TRUSTED, &in.fd, &st);

	if (failed(rc))
		return rc;
	info->file_size = (uint64_t)st.st_size;
	rc = recognise(&in);
	if (!failed(rc))
		rc = inspect_kind(&in);
	(void)close(in.fd);
	return rc;
}
