/* Memory, messages and names for the compatibility headers; native_compat_wide.c has what
 * takes WCHAR text. */
#include <backupapi/compat.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/argument.h"
#include "api/native.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/handle.h"

/* ---- memory ---- */

void *backupapi_allocate(size_t size)
{
	void *block = alloc_block(ALLOC_NATIVE, size);

	status_begin();
	if (!block)
		(void)status_publish_win32(status_no_memory());
	return block;
}

int backupapi_release(void *block)
{
	return alloc_free(ALLOC_NATIVE, block);
}

/* ---- messages ---- */

static status check_message(uint32_t flags, void *module)
{
	const uint32_t sources =
		BACKUPAPI_MESSAGE_FROM_MODULE | BACKUPAPI_MESSAGE_FROM_SYSTEM;

	if (!(flags & sources))
		return argument_invalid(
			"backupapi_message", "neither from a module nor from the system");
	if (!(flags & BACKUPAPI_MESSAGE_FROM_MODULE) || !module)
		return STATUS_OK;
	if (!handle_acquire(HANDLE_MASK(HANDLE_MODULE), module, NULL))
		return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
			"module %p: not a live one of this process", module);
	handle_release(module);
	return STATUS_OK;
}

/* The table's phrase as a sentence. */
static status make_message(uint32_t code, uint32_t flags, char **block)
{
	const char *text = status_text((status)code);
	struct buffer sentence = {0};
	char first = *text;

	/* Names of codes begin with "hr", "ERROR" or "RPC"; what has none is unknown. */
	if (strncmp(status_name((status)code), "unknown", 7) == 0)
		return status_fail(STATUS_WIN32(ERROR_MR_MID_NOT_FOUND),
			"0x%08x: nobody defined this code", (unsigned)code);
	if (first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	buffer_add(&sentence, &first, 1);
	buffer_text(&sentence, text + 1);
	buffer_text(&sentence,
		(flags & BACKUPAPI_MESSAGE_ONE_LINE) == BACKUPAPI_MESSAGE_ONE_LINE
			? ". "
			: ".\r\n");
	if (buffer_failed(&sentence)) {
		buffer_free(&sentence);
		return status_no_memory();
	}
	return native_string(sentence.data, block);
}

char *backupapi_message(uint32_t code, uint32_t flags, void *module)
{
	char *block = NULL;
	status rc;

	status_begin();
	rc = check_message(flags, module);
	if (!failed(rc))
		rc = make_message(code, flags, &block);
	(void)status_publish_win32(rc);
	return block;
}

/* ---- this host ---- */

char *backupapi_computer_name(void)
{
	char name[HOST_NAME_MAX + 1], *block = NULL;
	status rc;

	status_begin();
	if (gethostname(name, sizeof(name)) != 0) {
		rc = status_errno(errno, "this host's name");
	} else {
		name[sizeof(name) - 1] = '\0';
		name[strcspn(name, ".")] = '\0';
		rc = native_string(strdup(name), &block);
	}
	(void)status_publish_win32(rc);
	return block;
}
