/*
 * status.h - results and their explanations
 *
 * Every function below lib/api that can fail returns a status.  Its values are
 * the HRESULT codes that the public functions give back: 0 is success, negative
 * values are errors.  There is one list of them: ntdsbmsg.h for the hr... codes,
 * backupapi/errors.h for the Win32 ones.
 *
 * A failure is explained where it is found, once, by status_fail() or
 * status_errno(): they note "file: reason" for the calling thread and return the
 * code, so that a failing function ends in `return status_fail(...)`.  The note
 * stays pending until the public function that was called fails with it
 * (status_publish); what a call that succeeds noted on its way is forgotten, so
 * that success never disturbs the thread's last error.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <backupapi/errors.h>
#include <ntdsbmsg.h>

typedef int32_t status;

#define STATUS_OK ((status)0)

/* A Win32 error code as a status, e.g. STATUS_WIN32(ERROR_ACCESS_DENIED). */
#define STATUS_WIN32(code) ((status)(0x80070000u | (uint32_t)(code)))

static inline bool failed(status rc)
{
	return rc < 0;
}

/* Is RC, of opening a file or directory, that of one that is not there? A symbolic link that
 * leads nowhere is missing, too. */
static inline bool status_is_missing(status rc)
{
	return rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
	       rc == STATUS_WIN32(ERROR_PATH_NOT_FOUND);
}

/* Note why, and return CODE. FORMAT names the file or thing first: "PATH: reason". */
status status_fail(status code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for a failed system call: the code is status_from_errno(ERR) and ": " with
 * the system's text for ERR is appended. */
status status_errno(int err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* EACCES and EPERM are ERROR_ACCESS_DENIED, ENOENT ERROR_FILE_NOT_FOUND, ENOSPC and
 * EDQUOT ERROR_DISK_FULL, ENOMEM ERROR_NOT_ENOUGH_MEMORY, ...; what has no counterpart
 * is ERROR_GEN_FAILURE. */
status status_from_errno(int err);

/* "out of memory", the one failure that has no file. */
status status_no_memory(void);

/* The explanation noted last by this thread; "" where there is none. For passing an
 * explanation on, e.g. to put "recovery of ca01: " in front of it. */
const char *status_pending(void);

/* The boundary, called by lib/api alone. status_begin forgets what is pending;
 * status_publish makes a failure RC the thread's last failure, with what is pending
 * as its detail, and returns RC; a success passes through and changes nothing. */
void status_begin(void);
status status_publish(status rc);

/* The same for functions that return BOOL: the last error becomes the plain Win32 code.
 * True for a success. */
bool status_publish_win32(status rc);

/* The thread's last error code and detail, as backupapi.h describes them. */
uint32_t status_last_error(void);
void status_set_last_error(uint32_t code);
const char *status_detail(void);

/* Name and sentence of a code (HRESULT or plain Win32), from one table; never NULL. */
const char *status_name(status rc);
const char *status_text(status rc);

#endif
