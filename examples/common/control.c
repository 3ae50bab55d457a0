#include "common/control.h"

#include <stdlib.h>
#include <string.h>

#include <backupapi/backupapi.h>

#include "common/report.h"
#include "common/str.h"

/* Line by line, each with the program's name in front. */
static void print_output(char *output)
{
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
		char *shown = str_display(line);

		report_note("%s", shown);
		free(shown);
	}
}

bool change_service(const char *server, uint32_t control)
{
	char *output = NULL;
	int32_t rc = backupapi_server_control(server, control, &output);

	if (output)
		print_output(output);
	backupapi_free(output);
	return !FAILED(rc) || report_call(rc, server);
}
