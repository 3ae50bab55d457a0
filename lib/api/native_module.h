/*
 * native_module.h - which names the three DLLs export
 */
#ifndef API_NATIVE_MODULE_H
#define API_NATIVE_MODULE_H

#include <backupapi/compat.h>

enum native_dll { DLL_CERTADM, DLL_NTDSBCLI, DLL_SISBKUP };

/* The function that DLL exports as NAME, for a WCHAR of this width; NULL where there is
 * none. */
backupapi_function native_exported(enum native_dll dll, const char *name)
	BACKUPAPI_TEXT(native_exported);

/* The same for a WCHAR of 16 bits, whatever it is here. */
backupapi_function native_exported_utf16(enum native_dll dll, const char *name);

#endif
