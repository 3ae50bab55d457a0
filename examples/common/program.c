#include "common/program.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/report.h"
#include "common/signals.h"

static const struct command commands[] = {
	{"status", "[SERVER]", "state of the service, its store, backups and restores", 0,
		1, OPTION_JSON | OPTION_QUIET, cmd_status},
	{"backup", "SERVER DIR", "write a backup set to DIR, which must not exist", 2, 2,
		OPTION_INCREMENTAL | OPTION_TRUNCATE | OPTION_QUIET, cmd_backup},
	{"restore", "SERVER FULLDIR [INCRDIR]...",
		"put a full set back, and incremental ones", 2, -1,
		OPTION_START | OPTION_DYNAMIC | OPTION_MAP | OPTION_DRY_RUN |
			OPTION_ANY_SERVER | OPTION_QUIET,
		cmd_restore},
	{"cancel", "SERVER", "give a registered restore up", 1, 1, OPTION_QUIET,
		cmd_cancel},
	{"verify", "DIR...",
		"check sets: every byte, completeness, the databases' own checks", 1, -1,
		OPTION_JSON | OPTION_QUIET, cmd_verify},
	{"list", "DIR", "what is in a set", 1, 1, OPTION_JSON | OPTION_QUIET, cmd_list},
	{"stop", "SERVER", "stop the service", 1, 1, OPTION_QUIET, cmd_stop},
	{"start", "SERVER", "start the service, after recovering a completed restore", 1,
		1, OPTION_QUIET, cmd_start},
	{"suspend", "SERVER", "let the service pause", 1, 1, OPTION_QUIET, cmd_suspend},
	{"resume", "SERVER", "let it go on", 1, 1, OPTION_QUIET, cmd_resume},
	{"error", "CODE", "name and text of an error code: 0x..., decimal, or a name", 1,
		1, OPTION_QUIET, cmd_error},
	{NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* The same subcommands without what the family does not have. */
static void adapt(const struct family *family, struct command *own)
{
	for (; own->name && !family->incremental; own++) {
		own->options &= ~(unsigned)OPTION_INCREMENTAL;
		if (own->run != cmd_restore)
			continue;
		own->operands = "SERVER DIR";
		own->summary = "put a set back";
		own->most = 2;
	}
}

int program_main(const struct family *family, int argc, char **argv)
{
	struct command own[sizeof(commands) / sizeof(commands[0])];

	/* What is written here is for its owner alone; restored files get modes of their
	 * own. */
	umask(077);
	signals_init();
	report_init(family->program);
	memcpy(own, commands, sizeof(commands));
	adapt(family, own);
	return args_run(family, own, argc, argv);
}
