/*
 * sislink - finds duplicate files on a volume, makes them single-instance links, and
 * looks after them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/args.h"
#include "common/json.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "sislink/events.h"

/* ---- operands ---- */

/* NULL: reported. */
static char *resolve(const char *path)
{
	char *resolved = realpath(path, NULL);

	if (!resolved)
		report_errno(errno, path);
	return resolved;
}

/* The directory is resolved, the file itself is not followed. */
static char *resolve_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir, *resolved, *full;

	dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	resolved = resolve(dir);
	free(dir);
	if (!resolved)
		return NULL;
	full = xasprintf(
		"%s/%s", strcmp(resolved, "/") ? resolved : "", slash ? slash + 1 : path);
	free(resolved);
	return full;
}

/* "4096", "64K", "1G" */
static bool parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const size_t length = strlen(text);
	const char *unit = length ? strchr(units, text[length - 1]) : NULL;
	char *digits = xstrndup(text, length - (unit ? 1 : 0));
	const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	bool good = str_number(digits, UINT64_MAX >> shift, size);

	free(digits);
	*size <<= shift;
	return good;
}

/* ---- work on a whole volume ---- */

typedef int32_t (*work_function)(const char *volume, const struct options *options,
	uint64_t minimum, struct events *events, struct backupapi_sis_summary *summary);

static int exit_status(int32_t rc, const char *volume)
{
	if (SUCCEEDED(rc))
		return EXIT_DONE;
	report_call(rc, volume);
	return signals_exit_status(EXIT_FAILED);
}

/* RESULT: what the saved bytes are, or NULL. */
static int run(const struct options *options, const char *command, const char *what,
	const char *result, work_function work, struct backupapi_sis_summary *summary)
{
	struct events events = {.what = what, .json = options->given & OPTION_JSON};
	uint64_t minimum = 0;
	char *volume;
	int32_t rc;
	int status;

	if (options->minimum && !parse_size(options->minimum, &minimum)) {
		report_plain("%s: is not a size", options->minimum);
		return EXIT_USAGE;
	}
	volume = resolve(options->operands[0]);
	if (!volume)
		return EXIT_FAILED;
	signals_catch();
	events_begin(&events, command, volume);
	rc = work(volume, options, minimum, &events, summary);
	events_end(&events, result, summary);
	status = exit_status(rc, volume);
	free(volume);
	return status;
}

static int32_t scan(const char *volume, const struct options *options, uint64_t minimum,
	struct events *events, struct backupapi_sis_summary *summary)
{
	(void)options;
	return backupapi_sis_scan(volume, minimum, events_take, events, summary);
}

static int32_t link_files(const char *volume, const struct options *options,
	uint64_t minimum, struct events *events, struct backupapi_sis_summary *summary)
{
	(void)options;
	return backupapi_sis_link(volume, minimum, events_take, events, summary);
}

static int32_t check(const char *volume, const struct options *options, uint64_t minimum,
	struct events *events, struct backupapi_sis_summary *summary)
{
	(void)options;
	(void)minimum;
	return backupapi_sis_check(volume, events_take, events, summary);
}

static int32_t gc(const char *volume, const struct options *options, uint64_t minimum,
	struct events *events, struct backupapi_sis_summary *summary)
{
	const int dry_run = (options->given & OPTION_DRY_RUN) != 0;

	(void)minimum;
	return backupapi_sis_gc(volume, dry_run, events_take, events, summary);
}

static int cmd_scan(const struct family *family, const struct options *options)
{
	struct backupapi_sis_summary summary = {0};

	(void)family;
	return run(options, "scan", "reading", "linking them would save", scan, &summary);
}

static int cmd_link(const struct family *family, const struct options *options)
{
	struct backupapi_sis_summary summary = {0};

	(void)family;
	return run(options, "link", "linking", "saved", link_files, &summary);
}

/* What could not be read could not be verified. */
static int cmd_check(const struct family *family, const struct options *options)
{
	struct backupapi_sis_summary summary = {0};
	int status;

	(void)family;
	status = run(options, "check", "checking", NULL, check, &summary);
	return status == EXIT_DONE && summary.skipped ? EXIT_FAILED : status;
}

static int cmd_gc(const struct family *family, const struct options *options)
{
	struct backupapi_sis_summary summary = {0};

	(void)family;
	return run(options, "gc", "cleaning up",
		options->given & OPTION_DRY_RUN ? "this would free" : "freed", gc,
		&summary);
}

/* ---- work on single files ---- */

static bool unlink_file(const char *volume, const char *path)
{
	int32_t rc = backupapi_sis_unlink(volume, path);
	char *shown;

	if (FAILED(rc))
		return report_call(rc, path);
	shown = str_display(path);
	report_result("%s is a plain file", shown);
	free(shown);
	return true;
}

static void show_text(const char *path, const struct backupapi_sis_link_info *info)
{
	char *shown = str_display(path);

	report_result("%s:", shown);
	report_result("  store file        %s.sis%s", info->guid,
		info->store_file ? "" : " (missing)");
	report_result("  size              %" PRIu64, info->size);
	report_result("  format version    %" PRIu32, info->version);
	report_result("  link index        %" PRIu64, info->link_index);
	report_result("  link file id      0x%016" PRIx64, info->link_file_id);
	report_result("  store file id     0x%016" PRIx64, info->store_file_id);
	report_result("  content checksum  0x%016" PRIx64, info->content_checksum);
	report_result("  made by           %s",
		info->made_here ? "this library" : "another one (Windows)");
	report_result("  vouched for       %s", info->vouched ? "yes" : "no");
	report_result("  intact            %s",
		info->intact ? "yes" : "no: does not read as its store file");
	free(shown);
}

/* Numbers of 64 bits are text: not every reader of JSON keeps all their digits. */
static void show_json(const char *path, const struct backupapi_sis_link_info *info)
{
	const struct {
		const char *key;
		uint64_t value;
	} ids[] = {
		{"link_index", info->link_index},
		{"link_file_id", info->link_file_id},
		{"store_file_id", info->store_file_id},
		{"content_checksum", info->content_checksum},
	};
	char text[24];

	json_object(NULL);
	json_text("path", path);
	json_text("guid", info->guid);
	json_number("version", info->version);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		(void)snprintf(text, sizeof(text), "0x%016" PRIx64, ids[i].value);
		json_text(ids[i].key, text);
	}
	json_number("size", (int64_t)info->size);
	json_bool("intact", info->intact);
	json_bool("vouched", info->vouched);
	json_bool("store_file", info->store_file);
	json_bool("made_here", info->made_here);
	json_end();
}

static bool show_file(const char *volume, const char *path, bool json)
{
	struct backupapi_sis_link_info info;
	int32_t rc = backupapi_sis_show(volume, path, &info);

	if (FAILED(rc))
		return report_call(rc, path);
	if (json)
		show_json(path, &info);
	else
		show_text(path, &info);
	return true;
}

/* Every operand is tried. */
static int each_file(const struct options *options, bool unlink)
{
	char *volume = resolve(options->operands[0]);
	const bool json = options->given & OPTION_JSON;
	bool good = volume != NULL;

	if (json && good)
		json_array(NULL);
	for (int i = 1; volume && i < options->count && !signals_caught(); i++) {
		char *path = resolve_file(options->operands[i]);

		if (!path)
			good = false;
		else if (unlink)
			good = unlink_file(volume, path) && good;
		else
			good = show_file(volume, path, json) && good;
		free(path);
	}
	if (json && volume)
		json_end();
	free(volume);
	return signals_exit_status(good ? EXIT_DONE : EXIT_FAILED);
}

static int cmd_unlink(const struct family *family, const struct options *options)
{
	(void)family;
	signals_catch();
	return each_file(options, true);
}

static int cmd_show(const struct family *family, const struct options *options)
{
	(void)family;
	return each_file(options, false);
}

/* ---- the program ---- */

static const struct command commands[] = {
	{"scan", "VOLUME", "find files with the same content", 1, 1,
		OPTION_MINIMUM | OPTION_JSON | OPTION_QUIET, cmd_scan},
	{"link", "VOLUME", "make them links to one store file", 1, 1,
		OPTION_MINIMUM | OPTION_JSON | OPTION_QUIET, cmd_link},
	{"unlink", "VOLUME FILE...", "make links plain files again", 2, -1, OPTION_QUIET,
		cmd_unlink},
	{"show", "VOLUME FILE...", "print what is in links", 2, -1,
		OPTION_JSON | OPTION_QUIET, cmd_show},
	{"check", "VOLUME", "verify links and the common store", 1, 1,
		OPTION_JSON | OPTION_QUIET, cmd_check},
	{"gc", "VOLUME", "remove store files that no link needs", 1, 1,
		OPTION_DRY_RUN | OPTION_JSON | OPTION_QUIET, cmd_gc},
	{NULL, NULL, NULL, 0, 0, 0, NULL},
};

static const struct family sis = {
	.program = "sislink",
	.purpose = "Stores duplicate files of a volume once, as single-instance links.",
};

int main(int argc, char **argv)
{
	umask(077);
	signals_init();
	report_init(sis.program);
	return args_run(&sis, commands, argc, argv);
}
