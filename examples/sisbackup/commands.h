/*
 * commands.h - the subcommands
 */
#ifndef SISBACKUP_COMMANDS_H
#define SISBACKUP_COMMANDS_H

#include "common/args.h"

int cmd_backup(const struct family *family, const struct options *options);
int cmd_restore(const struct family *family, const struct options *options);
int cmd_verify(const struct family *family, const struct options *options);
int cmd_list(const struct family *family, const struct options *options);

#endif
