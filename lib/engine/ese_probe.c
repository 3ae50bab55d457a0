/* What tells a file of ESE where its magic number does not. */
#include "engine/probe_formats.h"

#include <backupapi/ese.h>

#include "engine/ese_header.h"
#include "engine/ese_names.h"
#include "engine/ese_recognise.h"

_Static_assert(PROBE_HEAD_SIZE >= (size_t)ESE_HEADERS_SIZE, "both copies are seen");

bool probe_ese_database(const uint8_t *head, size_t size)
{
	return ese_header_present(head, size);
}

bool probe_ese_log_name(const char *name)
{
	const enum ese_name_kind kind = ese_name_parse(name).kind;

	return kind == ESE_NAME_LOG || kind == ESE_NAME_CURRENT_LOG ||
	       kind == ESE_NAME_CHECKPOINT;
}

bool probe_ese_log(const uint8_t *head, size_t size)
{
	const uint32_t kind = ese_recognise(head, size, "");

	return kind == BACKUPAPI_ESE_KIND_LOG || kind == BACKUPAPI_ESE_KIND_CHECKPOINT;
}
