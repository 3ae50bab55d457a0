/*
 * report.h - messages on stderr, results on stdout, exit codes
 *
 * A failure is reported where it is found, in one line: the program, the file, the
 * reason, the error's name and code. The functions that report return false, so that
 * the one that failed can end in `return report_...(...)`.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

void report_init(const char *program);
void report_set_quiet(void);
bool report_is_quiet(void);
const char *report_program(void);

/* A function of the library failed with CODE: its own explanation or, where it has none,
 * WHAT and the code's text. */
bool report_call(int32_t code, const char *what);

/* A system call on PATH failed with ERR. */
bool report_errno(int err, const char *path);

/* PATH is not as it has to be; CODE is a Win32 error code (backupapi/errors.h). */
bool report_problem(int32_t code, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Recovery failed with CODE: does it miss logs of the restore that is registered? Then
 * this says what leads out. TOOL is the program that restores. */
bool is_about_logs(int32_t code);
bool report_missing_logs(const char *server, const char *tool);

/* A line without a file or a code. */
bool report_plain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The one message that needs no memory itself. */
void report_no_memory(void);

/* What goes on, for people: stderr, unless --quiet. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The outcome in words: stdout, unless --quiet. */
void report_result(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* While one is set, it also gets each failure as text. NULL: none. */
typedef void (*report_observer)(void *context, const char *text);
void report_observe(report_observer observer, void *context);

/* STATUS, or EXIT_FAILED where what was printed did not get out. */
int report_finish(int status);

#endif
