/*
 * ese_logset_path.h - what the ese_logset*.c share
 */
#ifndef ENGINE_ESE_LOGSET_PATH_H
#define ENGINE_ESE_LOGSET_PATH_H

#include "engine/ese_logset.h"

/* "DIRECTORY/NAME", a new string; NULL where memory is short. */
char *ese_logset_path(const struct ese_logset *set, const char *name);

#endif
