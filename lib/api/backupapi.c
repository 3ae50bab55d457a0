/* Version, errors and memory; native_*.c have the rest of backupapi.h. */
#include <backupapi/backupapi.h>

#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "api/native.h"
#include "base/alloc.h"

_Static_assert(BACKUPAPI_MEMORY_CERTSRV == ALLOC_CERTSRV, "public value");
_Static_assert(BACKUPAPI_MEMORY_DS == ALLOC_DS, "public value");
_Static_assert(BACKUPAPI_MEMORY_SIS == ALLOC_SIS, "public value");
_Static_assert(BACKUPAPI_MEMORY_NATIVE == ALLOC_NATIVE, "public value");

const char *backupapi_version(void)
{
	return BACKUPAPI_VERSION;
}

/* ---- errors ---- */

uint32_t backupapi_get_last_error(void)
{
	return status_last_error();
}

void backupapi_set_last_error(uint32_t code)
{
	status_set_last_error(code);
}

const char *backupapi_error_detail(void)
{
	return status_detail();
}

const char *backupapi_error_name(int32_t code)
{
	return status_name(code);
}

const char *backupapi_error_text(int32_t code)
{
	return status_text(code);
}

/* ---- memory ---- */

void backupapi_free(void *block)
{
	(void)alloc_free(ALLOC_NATIVE, block);
}

status native_string(char *text, char **block)
{
	size_t size;
	char *copy;

	if (!text)
		return status_no_memory();
	size = strlen(text) + 1;
	copy = alloc_block(ALLOC_NATIVE, size);
	if (copy)
		*block = memcpy(copy, text, size);
	free(text);
	return copy ? STATUS_OK : status_no_memory();
}

void backupapi_set_invalid_free_handler(
	backupapi_invalid_free_handler handler, void *context)
{
	alloc_set_refused_handler(handler, context);
}

int32_t backupapi_get_memory_stats(uint32_t memory, struct backupapi_memory_stats *stats)
{
	struct alloc_stats s;

	status_begin();
	if (!stats)
		return status_publish(argument_invalid(__func__, "stats is NULL"));
	*stats = (struct backupapi_memory_stats){0};
	if (memory >= ALLOC_FAMILIES)
		return status_publish(
			argument_invalid(__func__, "no such kind of memory"));
	alloc_get_stats((enum alloc_family)memory, &s);
	stats->live_blocks = s.blocks;
	stats->live_bytes = s.bytes;
	stats->refused_frees = s.refused;
	return S_OK;
}
