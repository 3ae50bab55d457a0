/* Which function stands behind each name that a DLL exports. Compiled twice, for either
 * width of WCHAR: the labels in the headers lead to the functions for that width. */
#include "api/native_module.h"

#include <string.h>

#include <certbcli.h>
#include <ntdsbcli.h>
#include <sisbkup.h>

struct export
{
	const char *name;
	backupapi_function function;
};

#define EXPORT(function)                                                                 \
	{                                                                                \
#function, (backupapi_function)(function)                                \
	}
#define EXPORT_AW(function) EXPORT(function##A), EXPORT(function##W)

static const struct export certadm[] = {
	EXPORT(CertSrvBackupClose),
	EXPORT(CertSrvBackupEnd),
	EXPORT(CertSrvBackupFree),
	EXPORT(CertSrvBackupGetBackupLogsW),
	EXPORT(CertSrvBackupGetDatabaseNamesW),
	EXPORT(CertSrvBackupGetDynamicFileListW),
	EXPORT(CertSrvBackupOpenFileW),
	EXPORT(CertSrvBackupPrepareW),
	EXPORT(CertSrvBackupRead),
	EXPORT(CertSrvBackupTruncateLogs),
	EXPORT(CertSrvIsServerOnlineW),
	EXPORT(CertSrvRestoreEnd),
	EXPORT(CertSrvRestoreGetDatabaseLocationsW),
	EXPORT(CertSrvRestorePrepareW),
	EXPORT(CertSrvRestoreRegisterComplete),
	EXPORT(CertSrvRestoreRegisterThroughFile),
	EXPORT(CertSrvRestoreRegisterW),
	EXPORT(CertSrvServerControlW),
	{NULL, NULL},
};

/* The macros that choose a form would choose it here too. */
#undef DsIsNTDSOnline
#undef DsBackupPrepare
#undef DsBackupGetDatabaseNames
#undef DsBackupOpenFile
#undef DsBackupGetBackupLogs
#undef DsRestoreGetDatabaseLocations
#undef DsRestorePrepare
#undef DsRestoreRegister
#undef DsSetCurrentBackupLog
#undef DsSetAuthIdentity

static const struct export ntdsbcli[] = {
	EXPORT(DsBackupClose),
	EXPORT(DsBackupEnd),
	EXPORT(DsBackupFree),
	EXPORT_AW(DsBackupGetBackupLogs),
	EXPORT_AW(DsBackupGetDatabaseNames),
	EXPORT_AW(DsBackupOpenFile),
	EXPORT_AW(DsBackupPrepare),
	EXPORT(DsBackupRead),
	EXPORT(DsBackupTruncateLogs),
	EXPORT_AW(DsIsNTDSOnline),
	EXPORT(DsRestoreEnd),
	EXPORT_AW(DsRestoreGetDatabaseLocations),
	EXPORT_AW(DsRestorePrepare),
	EXPORT_AW(DsRestoreRegister),
	EXPORT(DsRestoreRegisterComplete),
	EXPORT_AW(DsSetAuthIdentity),
	EXPORT_AW(DsSetCurrentBackupLog),
	{NULL, NULL},
};

static const struct export sisbkup[] = {
	EXPORT(SisCSFilesToBackupForLink),
	EXPORT(SisCreateBackupStructure),
	EXPORT(SisCreateRestoreStructure),
	EXPORT(SisFreeAllocatedMemory),
	EXPORT(SisFreeBackupStructure),
	EXPORT(SisFreeRestoreStructure),
	EXPORT(SisRestoredCommonStoreFile),
	EXPORT(SisRestoredLink),
	{NULL, NULL},
};

static const struct export *const dlls[] = {
	[DLL_CERTADM] = certadm,
	[DLL_NTDSBCLI] = ntdsbcli,
	[DLL_SISBKUP] = sisbkup,
};

backupapi_function native_exported(enum native_dll dll, const char *name)
{
	for (const struct export *e = dlls[dll]; e->name; e++)
		if (strcmp(e->name, name) == 0)
			return e->function;
	return NULL;
}
