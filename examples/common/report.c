#include "common/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/backupapi.h>
#include <ntdsbmsg.h>

#include "common/mem.h"
#include "common/progress.h"
#include "common/str.h"

static const char *program = "backupapi";
static bool quiet;
static report_observer observer;
static void *observer_context;

void report_init(const char *name)
{
	program = name;
}

void report_set_quiet(void)
{
	quiet = true;
}

bool report_is_quiet(void)
{
	return quiet;
}

const char *report_program(void)
{
	return program;
}

void report_observe(report_observer function, void *context)
{
	observer = function;
	observer_context = context;
}

static void print_line(const char *text)
{
	progress_clear();
	fprintf(stderr, "%s: %s\n", program, text);
}

void report_no_memory(void)
{
	print_line("out of memory");
}

/* Whatever got into TEXT, it stays on one line. */
static bool emit(const char *text)
{
	char *shown = str_display(text);

	print_line(shown);
	if (observer)
		observer(observer_context, shown);
	free(shown);
	return false;
}

/* "SUBJECT: reason (name, code)" */
static bool emit_coded(int32_t code, const char *subject, const char *reason)
{
	char *text = xasprintf("%s%s%s (%s, 0x%08X)", subject, *subject ? ": " : "",
		reason, backupapi_error_name(code), (unsigned)code);

	emit(text);
	free(text);
	return false;
}

bool report_call(int32_t code, const char *what)
{
	const char *detail = backupapi_error_detail();

	if (*detail)
		return emit_coded(code, "", detail);
	return emit_coded(code, what, backupapi_error_text(code));
}

static int32_t code_from_errno(int err)
{
	static const struct {
		int err;
		int32_t code;
	} table[] = {
		{EACCES, ERROR_ACCESS_DENIED},
		{EPERM, ERROR_ACCESS_DENIED},
		{ENOENT, ERROR_FILE_NOT_FOUND},
		{ENOTDIR, ERROR_PATH_NOT_FOUND},
		{ELOOP, ERROR_ACCESS_DENIED},
		{EEXIST, ERROR_ALREADY_EXISTS},
		{ENOSPC, ERROR_DISK_FULL},
		{EDQUOT, ERROR_DISK_FULL},
		{EFBIG, ERROR_FILE_TOO_LARGE},
		{ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
		{EMFILE, ERROR_TOO_MANY_OPEN_FILES},
		{ENFILE, ERROR_TOO_MANY_OPEN_FILES},
		{ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE},
		{EROFS, ERROR_WRITE_PROTECT},
		{EIO, ERROR_IO_DEVICE},
		{EBUSY, ERROR_BUSY},
		{EINVAL, ERROR_INVALID_PARAMETER},
		{ENOTSUP, ERROR_NOT_SUPPORTED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].err == err)
			return HRESULT_FROM_WIN32(table[i].code);
	return HRESULT_FROM_WIN32(ERROR_GEN_FAILURE);
}

bool report_errno(int err, const char *path)
{
	return emit_coded(code_from_errno(err), path, strerror(err));
}

bool report_problem(int32_t code, const char *path, const char *format, ...)
{
	char *reason;
	va_list args;

	va_start(args, format);
	reason = xvasprintf(format, args);
	va_end(args);
	emit_coded(HRESULT_FROM_WIN32(code), path, reason);
	free(reason);
	return false;
}

bool is_about_logs(int32_t code)
{
	return code == hrMissingRestoreLogFiles || code == hrGivenLogFileIsNotContiguous;
}

bool report_missing_logs(const char *server, const char *tool)
{
	return report_plain(
		"the service stays down; put the missing logs into the log directory and "
		"run backupapi-recover again, or give this restore up (\"%s cancel %s\") "
		"and restore the full set with every incremental one that follows it "
		"(\"%s restore %s FULLDIR INCRDIR...\", in any order)",
		tool, server, tool, server);
}

bool report_plain(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	emit(text);
	free(text);
	return false;
}

void report_note(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	progress_clear();
	fprintf(stderr, "%s: ", program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void report_result(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	progress_clear();
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int report_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	report_errno(errno, "standard output");
	return status ? status : EXIT_FAILED;
}
