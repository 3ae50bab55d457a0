/*
 * sisbackup - a volume with single-instance links to a directory, and back
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/report.h"
#include "common/signals.h"
#include "sisbackup/commands.h"

static const struct family sis = {
	.program = "sisbackup",
	.purpose = "Backs up and restores volumes, keeping single-instance links.",
	.name = "sis",
};

static const struct command commands[] = {
	{"backup", "VOLUME DIR", "write a backup set to DIR, which must not exist", 2, 2,
		OPTION_INCLUDE | OPTION_EXCLUDE | OPTION_QUIET, cmd_backup},
	{"restore", "DIR VOLUME [PATH]...", "put a set, or these paths of it, back", 2,
		-1, OPTION_BARE_LINKS | OPTION_FORCE | OPTION_QUIET, cmd_restore},
	{"verify", "DIR...", "check sets: every byte, and completeness", 1, -1,
		OPTION_JSON | OPTION_QUIET, cmd_verify},
	{"list", "DIR", "what is in a set", 1, 1, OPTION_JSON | OPTION_QUIET, cmd_list},
	{NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* A directory stays open for each level of the tree that is walked. */
static void allow_depth(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	/* What is written here is for its owner alone; restored files get modes of their
	 * own. */
	umask(077);
	signals_init();
	report_init(sis.program);
	allow_depth();
	return args_run(&sis, commands, argc, argv);
}
