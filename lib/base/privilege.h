/*
 * privilege.h - may this thread read, or write, files whatever their permissions say?
 */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H

#include <stdbool.h>

/* CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE. */
bool privilege_read_any(void);

/* CAP_DAC_OVERRIDE, CAP_CHOWN and CAP_FOWNER. */
bool privilege_write_any(void);

#endif
