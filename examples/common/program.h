/*
 * program.h - a whole program for one family
 */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include "common/args.h"
#include "common/family.h"

/* main()'s work: the exit status. */
int program_main(const struct family *family, int argc, char **argv);

/* The subcommands. */
int cmd_status(const struct family *family, const struct options *options);
int cmd_backup(const struct family *family, const struct options *options);
int cmd_restore(const struct family *family, const struct options *options);
int cmd_cancel(const struct family *family, const struct options *options);
int cmd_verify(const struct family *family, const struct options *options);
int cmd_list(const struct family *family, const struct options *options);
int cmd_stop(const struct family *family, const struct options *options);
int cmd_start(const struct family *family, const struct options *options);
int cmd_suspend(const struct family *family, const struct options *options);
int cmd_resume(const struct family *family, const struct options *options);
int cmd_error(const struct family *family, const struct options *options);

#endif
