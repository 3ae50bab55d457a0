/*
 * esecheck - what ESE (JET Blue) databases, logs and checkpoints say, and whether they are
 * as Windows wrote them
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <backupapi/ese.h>

#include "common/json.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "esecheck/show.h"

enum { CODE_HELP = 'h', CODE_QUIET = 'q', CODE_JSON = 256, CODE_VERSION };

struct run {
	bool json;
	uint64_t shown; /* of the progress bar */
};

static void print_usage(FILE *stream)
{
	fprintf(stream, "usage: %s [--json] [--quiet] FILE...\n", report_program());
}

static int help(void)
{
	print_usage(stdout);
	printf("\nPrints what ESE databases, logs and checkpoints say about themselves, "
	       "and "
	       "verifies\nevery page and segment that has a checksum. Nothing must be "
	       "writing the files.\n\n"
	       "  --json     print the result as JSON\n"
	       "  --quiet    print damage and errors alone\n"
	       "  --help     print this\n"
	       "  --version  print the version\n\n"
	       "Exit status: 0 all is well, 1 damage or an error, 2 wrong usage.\n");
	return report_finish(EXIT_DONE);
}

/* ---- one file ---- */

static void show_progress(struct run *run, const struct backupapi_ese_event *event)
{
	if (run->shown == 0)
		progress_begin("checking", event->total_bytes);
	progress_add(event->done_bytes - run->shown);
	run->shown = event->done_bytes;
}

static int take(void *context, const struct backupapi_ese_event *event)
{
	struct run *run = context;

	if (event->kind == BACKUPAPI_ESE_PROGRESS)
		show_progress(run, event);
	else if (event->kind == BACKUPAPI_ESE_NOTE)
		report_note("%s", event->reason);
	else
		report_plain("%s", event->reason);
	if (event->kind != BACKUPAPI_ESE_PROGRESS && run->json)
		show_problem_json(event);
	return signals_caught() != 0;
}

/* Problems are printed as they are found: the object is open before anything is known. */
static bool check_file(struct run *run, const char *path)
{
	struct backupapi_ese_info *info = NULL;
	int32_t rc;
	bool good;

	run->shown = 0;
	if (run->json)
		show_begin_json(path);
	rc = backupapi_ese_inspect(path, 0, take, run, &info);
	progress_end();
	good = SUCCEEDED(rc) && info->damage == 0;
	if (run->json)
		show_end_json(rc, info);
	else if (SUCCEEDED(rc))
		show_text(path, info);
	if (FAILED(rc))
		report_call(rc, path);
	backupapi_free(info);
	return good;
}

static int check_files(struct run *run, char **paths, int count)
{
	bool good = true;

	signals_catch();
	if (run->json)
		json_array(NULL);
	for (int i = 0; i < count && !signals_caught(); i++)
		good = check_file(run, paths[i]) && good;
	if (run->json)
		json_end();
	return report_finish(signals_exit_status(good ? EXIT_DONE : EXIT_FAILED));
}

/* ---- the program ---- */

static int wrong_usage(void)
{
	print_usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, CODE_HELP},
		{"quiet", no_argument, NULL, CODE_QUIET},
		{"json", no_argument, NULL, CODE_JSON},
		{"version", no_argument, NULL, CODE_VERSION}, {NULL, 0, NULL, 0}};
	struct run run = {.json = false};
	int code;

	signals_init();
	report_init("esecheck");
	while ((code = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
		switch (code) {
		case CODE_HELP:
			return help();
		case CODE_VERSION:
			printf("esecheck %s\n", backupapi_version());
			return report_finish(EXIT_DONE);
		case CODE_QUIET:
			report_set_quiet();
			break;
		case CODE_JSON:
			run.json = true;
			break;
		default:
			return wrong_usage();
		}
	}
	if (optind == argc) {
		report_plain("too few operands");
		return wrong_usage();
	}
	return check_files(&run, argv + optind, argc - optind);
}
