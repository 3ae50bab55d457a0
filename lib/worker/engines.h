/*
 * engines.h - the engines that this worker was built with
 */
#ifndef WORKER_ENGINES_H
#define WORKER_ENGINES_H

#include "engine/hosted.h"

/* Fills in HOST's engine and streaming: nothing for "auto". ERROR_NOT_SUPPORTED where there
 * is no engine NAME. */
status engines_find(const char *name, struct hosted_engine *host);

#endif
