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

/* Only for the words at the end. */
struct pending {
	uint32_t restore;    /* BACKUPAPI_RESTORE_... */
	const char *program; /* that restores this server */
};

#define RESTORE_UNKNOWN UINT32_MAX

static struct pending find_pending(const char *server)
{
	struct pending pending = {RESTORE_UNKNOWN, "certbackup"};
	struct backupapi_server_info *info;

	if (FAILED(backupapi_server_status(server, &info)))
		return pending;
	pending.restore = info->restore;
	if (!(info->families & BACKUPAPI_FAMILY_CERTSRV))
		pending.program = "dsbackup";
	backupapi_free(info);
	return pending;
}

static void say_way_out(const char *server, const struct pending *pending, int32_t code)
{
	const char *program = pending->program;

	if (is_about_logs(code))
		report_missing_logs(server, program);
	else if (pending->restore == BACKUPAPI_RESTORE_COMPLETE)
		report_plain(
			"the service stays down; try again once the reason is gone, or "
			"give this restore up (\"%s cancel %s\") and restore another set",
			program, server);
	else if (pending->restore == BACKUPAPI_RESTORE_OPEN)
		report_plain("the service stays down until the program that restores is "
			     "done; where none runs any more, give the restore up "
			     "(\"%s cancel %s\")",
			program, server);
	else if (pending->restore == BACKUPAPI_RESTORE_FAILED)
		report_plain("the service stays down until another set is restored "
			     "(\"%s restore %s DIR\")",
			program, server);
}

static int recover(const char *server)
{
	struct pending pending = find_pending(server);
	int32_t rc = backupapi_recover(server);
	char *shown;

	if (FAILED(rc)) {
		report_call(rc, server);
		say_way_out(server, &pending, rc);
		return EXIT_FAILED;
	}
	shown = str_display(server);
	report_result("%s: %s", shown,
		pending.restore != BACKUPAPI_RESTORE_NONE ? "recovered"
							  : "nothing to recover");
	free(shown);
	/* Whether the service may start does not depend on who can read this. */
	(void)report_finish(EXIT_DONE);
	return EXIT_DONE;
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
