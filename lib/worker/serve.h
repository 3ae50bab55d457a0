/*
 * serve.h - the store worker's side of a session
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include "base/status.h"

/* Serves the caller at the other end of SOCKET until that end is closed, which is the
 * orderly way out: STATUS_OK. */
status serve(int socket);

#endif
