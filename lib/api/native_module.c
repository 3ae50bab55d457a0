/*
 * This library in the role of the three DLLs; native_module_wide.c says which names each
 * of them exports.
 *
 * A module's object is its place in the table of modules, so that a handle is all that
 * there is to open and close.
 */
#include <backupapi/compat.h>

#include <string.h>

#include "api/argument.h"
#include "api/native_module.h"
#include "base/handle.h"
#include "base/text.h"

struct module {
	const char *name;
	enum native_dll dll;
};

static const struct module modules[] = {
	{"certadm", DLL_CERTADM},
	{"ntdsbcli", DLL_NTDSBCLI},
	{"sisbkup", DLL_SISBKUP},
};

#define MODULE_COUNT (sizeof(modules) / sizeof(modules[0]))

/* ---- names of modules ---- */

static const char *after_directories(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	return name;
}

static bool is_named(const struct module *module, const char *name)
{
	size_t length = strlen(module->name);

	for (size_t i = 0; i < length; i++)
		if (text_fold(name[i]) != module->name[i])
			return false;
	return name[length] == '\0' || text_compare_nocase(name + length, ".dll") == 0;
}

static const struct module *find_module(const char *name)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (is_named(&modules[i], after_directories(name)))
			return &modules[i];
	return NULL;
}

void *backupapi_module_open(const char *name)
{
	void *handle = NULL;
	const struct module *module = name ? find_module(name) : NULL;
	status rc;

	status_begin();
	if (!name)
		rc = argument_invalid(__func__, "name is NULL");
	else if (!module)
		rc = status_fail(STATUS_WIN32(ERROR_MOD_NOT_FOUND),
			"%s: not certadm.dll, ntdsbcli.dll or sisbkup.dll", name);
	else
		rc = handle_create(HANDLE_MODULE, (void *)(uintptr_t)module, &handle);
	(void)status_publish_win32(rc);
	return handle;
}

/* ---- functions ---- */

/* On Windows a number that fits into 16 bits is an ordinal, not an address. */
static bool is_ordinal(const char *name)
{
	return (uintptr_t)name <= 0xffff;
}

static status find_function(const struct module *module, const char *name,
	uint32_t wide_size, backupapi_function *function)
{
	if (is_ordinal(name))
		return status_fail(STATUS_WIN32(ERROR_PROC_NOT_FOUND),
			"%s.dll: there are no ordinals (%u)", module->name,
			(unsigned)(uintptr_t)name);
	if (wide_size == TEXT_UTF16)
		*function = native_exported_utf16(module->dll, name);
	else if (wide_size == TEXT_WIDE)
		*function = native_exported(module->dll, name);
	else
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s.dll: no functions for a WCHAR of %u bytes", module->name,
			(unsigned)wide_size);
	if (!*function)
		return status_fail(STATUS_WIN32(ERROR_PROC_NOT_FOUND),
			"%s.dll: exports no function %s", module->name, name);
	return STATUS_OK;
}

static status not_a_module(void *handle)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
		"module %p: not a live one of this process", handle);
}

backupapi_function backupapi_module_function(
	void *handle, const char *name, uint32_t wide_size)
{
	backupapi_function function = NULL;
	const struct module *module;
	status rc;

	status_begin();
	module = handle_acquire(HANDLE_MASK(HANDLE_MODULE), handle, NULL);
	if (module) {
		rc = find_function(module, name, wide_size, &function);
		handle_release(handle);
	} else {
		rc = not_a_module(handle);
	}
	(void)status_publish_win32(rc);
	return function;
}

int backupapi_module_close(void *handle)
{
	status rc = STATUS_OK;

	status_begin();
	if (!handle_retire(HANDLE_MASK(HANDLE_MODULE), handle, NULL))
		rc = not_a_module(handle);
	return status_publish_win32(rc);
}
