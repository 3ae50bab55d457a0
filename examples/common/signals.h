/*
 * signals.h - Ctrl-C that leaves nothing half done
 *
 * Until signals_catch() is called, signals end the program at once, as is right while
 * there is nothing to clean up. From then on SIGINT, SIGTERM and SIGHUP set a flag, which
 * the program looks at between two chunks of data; a second one changes nothing.
 */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

#include <stdbool.h>

/* A write into a closed pipe, or beyond a size limit, is an error like any other. */
void signals_init(void);

/* Put off, so that something can be made and noted without being lost in between. */
void signals_hold(void);

/* The flag from now on; what was held arrives now. */
void signals_catch(void);

int signals_caught(void); /* the first one's number, or 0 */
const char *signals_name(int number);

/* 128 + the signal's number where one was caught, else STATUS. */
int signals_exit_status(int status);

#endif
