/*
 * bench_store.h - stores for benchmarks that call the library as programs do
 */
#ifndef BENCH_BENCH_STORE_H
#define BENCH_BENCH_STORE_H

#include <backupapi/backupapi.h>
#include <certbcli.h>

/* Configures the server NAME, whose files are DATABASE (a path or a glob). */
void bench_server(const char *name, const char *engine, const char *database);

/* Ends the program where CALL failed. */
void bench_check(HRESULT hr, const char *call);

#endif
