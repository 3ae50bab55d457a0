/*
 * bdb_db.h - Berkeley DB's header, with the time_t for which the library was compiled
 *
 * A DB_ENV is a table of functions behind some data, a time_t among them. Here a time_t has 64
 * bits everywhere; that of libdb is the system's, and where it has 32 bits (BDB_TIME_T),
 * each function would be found one place off.
 */
#ifndef ENGINE_BDB_DB_H
#define ENGINE_BDB_DB_H

/* What db.h includes, which is not to see the other time_t. */
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef BDB_TIME_T
#define time_t BDB_TIME_T
#endif
#include <db.h>
#undef time_t

#endif
