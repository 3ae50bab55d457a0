/*
 * backupapi-recover - finishes a restore before the service starts
 *
 * For an ExecStartPre= line: exit status 0 lets the service start, 1 keeps it down.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <backupapi/backupapi.h>

#include "common/report.h"
#include "common/str.h"

enum { CODE_HELP = 0x1000, CODE_VERSION };

static const struct option long_options[] = {
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, CODE_HELP},
	{"version", no_argument, NULL, CODE_VERSION},
	{NULL, 0, NULL, 0},
};

static int help(void)
{
	printf("usage: backupapi-recover [--quiet] SERVER\n\n"
	       "Puts the databases of a completed restore in place and checks them. To "
	       "be run\n"
	       "before the service starts; does nothing where no restore is "
	       "registered.\n\n"
	       "  --quiet    print errors alone\n"
	       "  --help     print this\n"
	       "  --version  print the version\n\n"
	       "Exit status: 0 the service may start, 1 it must stay down, 2 wrong "
	       "usage.\n");
	return report_finish(EXIT_DONE);
}

static int wrong_usage(void)
{
	fprintf(stderr, "usage: backupapi-recover [--quiet] SERVER\n");
	return EXIT_USAGE;
}

/* Was there anything to do? Only for the words at the end. */
static bool is_pending(const char *server)
{
	struct backupapi_server_info *info;
	bool pending;

	if (FAILED(backupapi_server_status(server, &info)))
		return true;
	pending = info->restore != BACKUPAPI_RESTORE_NONE;
	backupapi_free(info);
	return pending;
}

static int recover(const char *server)
{
	bool pending = is_pending(server);
	int32_t rc = backupapi_recover(server);
	char *shown;

	if (FAILED(rc)) {
		report_call(rc, server);
		return EXIT_FAILED;
	}
	shown = str_display(server);
	report_result("%s: %s", shown, pending ? "recovered" : "nothing to recover");
	free(shown);
	return report_finish(EXIT_DONE);
}

int main(int argc, char **argv)
{
	int code;

	report_init("backupapi-recover");
	while ((code = getopt_long(argc, argv, "hq", long_options, NULL)) != -1) {
		switch (code) {
		case 'h':
		case CODE_HELP:
			return help();
		case CODE_VERSION:
			printf("backupapi-recover %s\n", backupapi_version());
			return report_finish(EXIT_DONE);
		case 'q':
			report_set_quiet();
			break;
		default:
			return wrong_usage();
		}
	}
	return argc - optind == 1 ? recover(argv[optind]) : wrong_usage();
}
