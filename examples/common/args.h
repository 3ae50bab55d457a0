/*
 * args.h - subcommands, their options and their help, from one table
 */
#ifndef COMMON_ARGS_H
#define COMMON_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/family.h"
#include "common/mem.h"

enum option_bit {
	OPTION_INCREMENTAL = 1 << 0,
	OPTION_TRUNCATE = 1 << 1,
	OPTION_START = 1 << 2,
	OPTION_DYNAMIC = 1 << 3,
	OPTION_MAP = 1 << 4,
	OPTION_DRY_RUN = 1 << 5,
	OPTION_ANY_SERVER = 1 << 6,
	OPTION_JSON = 1 << 7,
	OPTION_QUIET = 1 << 8,
	OPTION_INCLUDE = 1 << 9,
	OPTION_EXCLUDE = 1 << 10,
	OPTION_BARE_LINKS = 1 << 11,
	OPTION_FORCE = 1 << 12,
	OPTION_MINIMUM = 1 << 13,
};

struct options {
	unsigned given;      /* of enum option_bit */
	struct strings maps; /* of --map */
	struct strings includes, excludes;
	const char *minimum; /* of --minimum */
	char **operands;     /* argv's */
	int count;
};

struct command {
	const char *name;
	const char *operands; /* "SERVER DIR", for usage lines */
	const char *summary;
	int least, most;  /* operands; most < 0: any number */
	unsigned options; /* taken */
	int (*run)(const struct family *family, const struct options *options);
};

/* Finds the subcommand in argv, and runs it: the exit status. COMMANDS ends with a NULL
 * name. */
int args_run(const struct family *family, const struct command *commands, int argc,
	char **argv);

#endif
