/*
 * ese_report.h - what was read from a file, as backupapi/ese.h tells it
 */
#ifndef ENGINE_ESE_REPORT_H
#define ENGINE_ESE_REPORT_H

#include <backupapi/ese.h>

#include "engine/ese_checkpoint.h"
#include "engine/ese_header.h"
#include "engine/ese_log.h"

void ese_report_database(
	const struct ese_header *header, struct backupapi_ese_database *database);
void ese_report_log(const struct ese_log *log, struct backupapi_ese_log *out);
void ese_report_checkpoint(
	const struct ese_checkpoint *checkpoint, struct backupapi_ese_checkpoint *out);

#endif
