#include "common/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/report.h"

enum { CODE_HELP = 1 << 30, CODE_VERSION };

static const struct known_option {
	const char *name;
	const char *argument; /* NULL: none */
	unsigned bit;
	const char *help;
} known[] = {
	{"incremental", NULL, OPTION_INCREMENTAL,
		"save the logs since the last full backup alone"},
	{"truncate", NULL, OPTION_TRUNCATE,
		"then delete the logs that nothing needs any more"},
	{"start", NULL, OPTION_START, "recover and start the service afterwards"},
	{"dynamic", NULL, OPTION_DYNAMIC,
		"put the dynamic files (CRLs and the like) back too"},
	{"map", "OLD=NEW", OPTION_MAP,
		"put what was at or below OLD to NEW; may be repeated"},
	{"dry-run", NULL, OPTION_DRY_RUN,
		"check everything, say what would be done, change nothing"},
	{"any-server", NULL, OPTION_ANY_SERVER, "take sets that another server made"},
	{"include", "PATTERN", OPTION_INCLUDE,
		"save what matches alone, and what is below; may be repeated"},
	{"exclude", "PATTERN", OPTION_EXCLUDE,
		"leave out what matches, and what is below; may be repeated"},
	{"bare-links", NULL, OPTION_BARE_LINKS,
		"leave links without content where extents cannot be shared"},
	{"force", NULL, OPTION_FORCE, "replace files that exist"},
	{"minimum", "SIZE", OPTION_MINIMUM,
		"leave smaller files out; bytes, or with K, M, G, T"},
	{"json", NULL, OPTION_JSON, "print the result as JSON"},
	{"quiet", NULL, OPTION_QUIET, "print errors alone"},
};

#define REPEATED    (OPTION_MAP | OPTION_INCLUDE | OPTION_EXCLUDE)

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

/* ---- help ---- */

static void print_option(const char *name, const char *argument, const char *help)
{
	char left[40];

	snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "",
		argument ? argument : "");
	printf("  %-18s  %s\n", left, help);
}

static void print_command_usage(FILE *stream, const struct command *command)
{
	fprintf(stream, "usage: %s %s", report_program(), command->name);
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (command->options & known[i].bit)
			fprintf(stream, " [--%s%s%s]%s", known[i].name,
				known[i].argument ? " " : "",
				known[i].argument ? known[i].argument : "",
				known[i].bit & REPEATED ? "..." : "");
	fprintf(stream, " %s\n", command->operands);
}

static int help_command(const struct command *command)
{
	print_command_usage(stdout, command);
	printf("\n%s\n\n", command->summary);
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (command->options & known[i].bit)
			print_option(known[i].name, known[i].argument, known[i].help);
	print_option("help", NULL, "print this");
	return report_finish(EXIT_DONE);
}

static void print_usage(FILE *stream)
{
	fprintf(stream,
		"usage: %s COMMAND [OPTION]... [OPERAND]...\n"
		"       %s COMMAND --help\n"
		"       %s --help | --version\n",
		report_program(), report_program(), report_program());
}

static int help_all(const struct family *family, const struct command *commands)
{
	print_usage(stdout);
	printf("\n%s\n\n", family->purpose);
	for (; commands->name; commands++)
		printf("  %-8s %-35s %s\n", commands->name, commands->operands,
			commands->summary);
	printf("\nExit status: 0 done, 1 failed, 2 wrong usage.\n");
	return report_finish(EXIT_DONE);
}

static int print_version(void)
{
	printf("%s %s\n", report_program(), backupapi_version());
	return report_finish(EXIT_DONE);
}

/* ---- options ---- */

static void fill_long_options(const struct command *command, struct option *options)
{
	for (size_t i = 0; i < KNOWN_COUNT; i++)
		if (command->options & known[i].bit)
			*options++ = (struct option){known[i].name,
				known[i].argument ? required_argument : no_argument, NULL,
				(int)known[i].bit};
	*options++ = (struct option){"help", no_argument, NULL, CODE_HELP};
	*options++ = (struct option){"version", no_argument, NULL, CODE_VERSION};
	*options = (struct option){NULL, 0, NULL, 0};
}

static int wrong_usage(const struct command *command)
{
	print_command_usage(stderr, command);
	return EXIT_USAGE;
}

/* An operand, not options: error codes are often written so. */
static bool is_negative_number(const char *arg)
{
	return arg && arg[0] == '-' && arg[1] >= '0' && arg[1] <= '9';
}

static void take_option(struct options *options, int code, const char *value)
{
	options->given |= (unsigned)code;
	if (code == OPTION_MAP)
		strings_take(&options->maps, xstrdup(value));
	else if (code == OPTION_INCLUDE)
		strings_take(&options->includes, xstrdup(value));
	else if (code == OPTION_EXCLUDE)
		strings_take(&options->excludes, xstrdup(value));
	else if (code == OPTION_MINIMUM)
		options->minimum = value;
}

/* -1: go on with what was read; else the exit status. */
static int read_options(
	const struct command *command, int argc, char **argv, struct options *options)
{
	struct option long_options[KNOWN_COUNT + 3];
	int code;

	fill_long_options(command, long_options);
	optind = 0;
	while (!is_negative_number(argv[optind ? optind : 1])) {
		code = getopt_long(argc, argv, "hq", long_options, NULL);
		if (code == -1)
			break;
		switch (code) {
		case 'h':
		case CODE_HELP:
			return help_command(command);
		case CODE_VERSION:
			return print_version();
		case 'q':
			options->given |= OPTION_QUIET;
			break;
		case '?':
			return wrong_usage(command);
		default:
			take_option(options, code, optarg);
		}
	}
	optind = optind ? optind : 1;
	options->operands = argv + optind;
	options->count = argc - optind;
	if (options->count < command->least ||
		(command->most >= 0 && options->count > command->most)) {
		report_plain("%s: %s operands", command->name,
			options->count < command->least ? "too few" : "too many");
		return wrong_usage(command);
	}
	return -1;
}

static int run_command(
	const struct family *family, const struct command *command, int argc, char **argv)
{
	struct options options = {0};
	/* getopt names the program by what it sees first. */
	char *name = xasprintf("%s %s", report_program(), command->name);
	int status;

	argv[0] = name;
	status = read_options(command, argc, argv, &options);
	if (status < 0) {
		if (options.given & OPTION_QUIET)
			report_set_quiet();
		status = report_finish(command->run(family, &options));
	}
	strings_free(&options.maps);
	strings_free(&options.includes);
	strings_free(&options.excludes);
	free(name);
	return status;
}

int args_run(const struct family *family, const struct command *commands, int argc,
	char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
		return help_all(family, commands);
	if (!strcmp(name, "--version"))
		return print_version();
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return run_command(family, command, argc - 1, argv + 1);
	report_plain("%s: no such command; %s --help lists them", name, report_program());
	return EXIT_USAGE;
}
