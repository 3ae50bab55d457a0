/*
 * stop, start, suspend, resume, cancel, error
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/control.h"
#include "common/program.h"
#include "common/report.h"
#include "common/str.h"

static int control(const char *server, uint32_t what, const char *done)
{
	char *shown;

	if (!change_service(server, what))
		return EXIT_FAILED;
	shown = str_display(server);
	report_result("%s: %s", shown, done);
	free(shown);
	return EXIT_DONE;
}

int cmd_stop(const struct family *family, const struct options *options)
{
	(void)family;
	return control(options->operands[0], BACKUPAPI_CONTROL_STOP, "stopped");
}

int cmd_start(const struct family *family, const struct options *options)
{
	(void)family;
	return control(options->operands[0], BACKUPAPI_CONTROL_START, "serving");
}

int cmd_suspend(const struct family *family, const struct options *options)
{
	(void)family;
	return control(options->operands[0], BACKUPAPI_CONTROL_SUSPEND, "suspended");
}

int cmd_resume(const struct family *family, const struct options *options)
{
	(void)family;
	return control(options->operands[0], BACKUPAPI_CONTROL_RESUME, "serving");
}

/* Recovery has begun, and the library cannot take it back. */
static void explain_refusal(const struct family *family, const char *server)
{
	report_plain("%s: the service stays down until another full set is restored: "
		     "\"%s restore %s DIR\"",
		server, family->program, server);
}

int cmd_cancel(const struct family *family, const struct options *options)
{
	const char *server = options->operands[0];
	int32_t rc = backupapi_cancel_restore(server);
	char *shown;

	if (FAILED(rc))
		report_call(rc, server);
	if (rc == HRESULT_FROM_WIN32(ERROR_INVALID_STATE))
		explain_refusal(family, server);
	if (FAILED(rc))
		return EXIT_FAILED;
	shown = str_display(server);
	report_result("%s: the restore is given up; the store is as it was", shown);
	free(shown);
	return EXIT_DONE;
}

/* ---- error ---- */

static bool parse_number(const char *text, int32_t *code)
{
	bool negative = *text == '-';
	char *end;
	uint64_t n;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		if (strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2) ||
			!text[2] || strlen(text + 2) > 8)
			return false;
		*code = (int32_t)(uint32_t)strtoul(text + 2, &end, 16);
		return true;
	}
	if (!str_number(negative ? text + 1 : text, UINT32_MAX, &n) ||
		(negative && n > 1 + (uint64_t)INT32_MAX))
		return false;
	*code = (int32_t)(uint32_t)(negative ? 0 - n : n);
	return true;
}

/* There is no index of names, but all codes are in a few ranges. */
static bool find_name(const char *name, int32_t *code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0xc7ff0000u, 0xc7ff00ffu},
		{0xc8000000u, 0xc8000fffu},
		{0x88000000u, 0x88000fffu},
		{0xc0000000u, 0xc00000ffu},
		{0x80070000u, 0x8007ffffu},
		{0, 0xffffu},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (uint32_t n = ranges[i].first;; n++) {
			if (!strcasecmp(backupapi_error_name((int32_t)n), name)) {
				*code = (int32_t)n;
				return true;
			}
			if (n == ranges[i].last)
				break;
		}
	}
	return false;
}

static bool is_known(int32_t code)
{
	return strncmp(backupapi_error_name(code), "unknown", strlen("unknown")) != 0;
}

int cmd_error(const struct family *family, const struct options *options)
{
	const char *text = options->operands[0];
	int32_t code;

	(void)family;
	if (!parse_number(text, &code) &&
		(!strncasecmp(text, "unknown", 7) || !find_name(text, &code))) {
		report_plain("%s: neither a number nor the name of an error", text);
		return EXIT_USAGE;
	}
	printf("%s (0x%08X, %ld): %s\n", backupapi_error_name(code), (unsigned)code,
		(long)code, backupapi_error_text(code));
	return is_known(code) ? EXIT_DONE : EXIT_FAILED;
}
