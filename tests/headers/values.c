/*
 * values.c - every constant, alias, structure and function of the Windows headers
 *
 * Compiled twice: against this library's headers, then run; and against mingw-w64's,
 * whose object file check_values.py reads. Both must say the same of every name, with and
 * without UNICODE. check_values.py also makes sure that no name of mingw-w64's headers is
 * missing here.
 */
#ifdef _WIN32
#include <windows.h>

#include <ntdsbmsg.h>

#include <certbcli.h>
#include <ntdsbcli.h>
#include <sisbkup.h>
#else
#include <stdio.h>

#include <certsrv.h>
#include <ntdsbcli.h>
#include <ntdsbmsg.h>
#include <sisbkup.h>
#endif

#include <stddef.h>

#ifdef UNICODE
#define BFT_CHARACTER WCHAR
#else
#define BFT_CHARACTER CHAR
#endif

/* Fixed sizes and no pointers: an object file holds them as they are. */
struct entry {
	char name[64];
	long long value;
	char text[64];
};

struct wide_entry {
	char name[64];
	WCHAR text[40];
};

#define EXPANDED(x) #x
#define VALUE(x)                                                                         \
	{                                                                                \
#x, (long long)(x), ""                                                   \
	}
#define STRING(x)                                                                        \
	{                                                                                \
#x, sizeof(x), x                                                         \
	}
#define ALIAS(x)                                                                         \
	{                                                                                \
#x, 0, EXPANDED(x)                                                       \
	}
#define SIZE(type)                                                                       \
	{                                                                                \
#type, sizeof(type), "size"                                              \
	}
#define FIELD(type, f)                                                                   \
	{                                                                                \
#type "." #f, (long long)offsetof(type, f), "offset"                     \
	}
#define WIDE(x)                                                                          \
	{                                                                                \
#x, x                                                                    \
	}

/* 1 where the types agree. */
#define SAME(x, type) _Generic((x), type : 1, default : 0)
#define TYPE(name, type)                                                                 \
	{                                                                                \
#name, SAME((name)0, type), "type"                                       \
	}
#define STRUCTURE(name, type)                                                            \
	{                                                                                \
#name, SAME((name *)0, type *), "structure"                              \
	}
#define FUNCTION(name, result, ...)                                                      \
	{                                                                                \
#name, SAME(&name, result(WINAPI *)(__VA_ARGS__)), "function"            \
	}
#define FUNCTION_TYPE(type, name)                                                        \
	{                                                                                \
#type, SAME((type *)0, __typeof__(&name)), "function type"               \
	}
#define POINTER_TYPE(type, name)                                                         \
	{                                                                                \
#type, SAME((type)0, __typeof__(&name)), "pointer type"                  \
	}

#define IN_SECTION(name) __attribute__((section(name), used))

IN_SECTION("values")
static const struct entry entries[] = {
	/* certbcli.h */
	ALIAS(IN),
	ALIAS(OUT),
	ALIAS(OPTIONAL),
	ALIAS(RPC_STRING),
	ALIAS(VOID),
	STRING(szBACKUPANNOTATION),
	STRING(szRESTOREANNOTATION),
	VALUE(CSBACKUP_TYPE_FULL),
	VALUE(CSBACKUP_TYPE_LOGS_ONLY),
	VALUE(CSBACKUP_TYPE_MASK),
	VALUE(CSRESTORE_TYPE_FULL),
	VALUE(CSRESTORE_TYPE_ONLINE),
	VALUE(CSRESTORE_TYPE_CATCHUP),
	VALUE(CSRESTORE_TYPE_MASK),
	VALUE(CSBACKUP_DISABLE_INCREMENTAL),
	VALUE(CSBFT_DIRECTORY),
	VALUE(CSBFT_DATABASE_DIRECTORY),
	VALUE(CSBFT_LOG_DIRECTORY),
	VALUE(CSBFT_LOG),
	VALUE(CSBFT_LOG_DIR),
	VALUE(CSBFT_CHECKPOINT_DIR),
	VALUE(CSBFT_CERTSERVER_DATABASE),
	VALUE(CSBFT_PATCH_FILE),
	VALUE(CSBFT_UNKNOWN),
	VALUE(CSCONTROL_SHUTDOWN),
	VALUE(CSCONTROL_SUSPEND),
	VALUE(CSCONTROL_RESTART),
	TYPE(CSBFT, WCHAR),
	TYPE(HCSBC, void *),
	STRUCTURE(CSEDB_RSTMAPW, struct tagCSEDB_RSTMAPW),
	SIZE(struct tagCSEDB_RSTMAPW),
	FIELD(CSEDB_RSTMAPW, pwszDatabaseName),
	FIELD(CSEDB_RSTMAPW, pwszNewDatabaseName),
	ALIAS(CSEDB_RSTMAP),
	ALIAS(CertSrvIsServerOnline),
	ALIAS(CertSrvBackupGetDynamicFileList),
	ALIAS(CertSrvBackupPrepare),
	ALIAS(CertSrvBackupGetDatabaseNames),
	ALIAS(CertSrvBackupOpenFile),
	ALIAS(CertSrvBackupGetBackupLogs),
	ALIAS(CertSrvRestoreGetDatabaseLocations),
	ALIAS(CertSrvRestorePrepare),
	ALIAS(CertSrvRestoreRegister),
	ALIAS(CertSrvServerControl),
	FUNCTION(CertSrvIsServerOnlineW, HRESULT, WCHAR const *, BOOL *),
	FUNCTION(CertSrvBackupGetDynamicFileListW, HRESULT, HCSBC, WCHAR **, DWORD *),
	FUNCTION(CertSrvBackupPrepareW, HRESULT, WCHAR const *, ULONG, ULONG, HCSBC *),
	FUNCTION(CertSrvBackupGetDatabaseNamesW, HRESULT, HCSBC, WCHAR **, DWORD *),
	FUNCTION(CertSrvBackupOpenFileW, HRESULT, HCSBC, WCHAR const *, DWORD,
		LARGE_INTEGER *),
	FUNCTION(CertSrvBackupRead, HRESULT, HCSBC, VOID *, DWORD, DWORD *),
	FUNCTION(CertSrvBackupClose, HRESULT, HCSBC),
	FUNCTION(CertSrvBackupGetBackupLogsW, HRESULT, HCSBC, WCHAR **, DWORD *),
	FUNCTION(CertSrvBackupTruncateLogs, HRESULT, HCSBC),
	FUNCTION(CertSrvBackupEnd, HRESULT, HCSBC),
	FUNCTION(CertSrvBackupFree, VOID, VOID *),
	FUNCTION(CertSrvRestoreGetDatabaseLocationsW, HRESULT, HCSBC, WCHAR **, DWORD *),
	FUNCTION(CertSrvRestorePrepareW, HRESULT, WCHAR const *, ULONG, HCSBC *),
	FUNCTION(CertSrvRestoreRegisterW, HRESULT, HCSBC, WCHAR const *, WCHAR const *,
		CSEDB_RSTMAPW *, LONG, WCHAR const *, ULONG, ULONG),
	FUNCTION(CertSrvRestoreRegisterThroughFile, HRESULT, HCSBC, WCHAR const *,
		WCHAR const *, CSEDB_RSTMAPW *, LONG, WCHAR const *, ULONG, ULONG),
	FUNCTION(CertSrvRestoreRegisterComplete, HRESULT, HCSBC, HRESULT),
	FUNCTION(CertSrvRestoreEnd, HRESULT, HCSBC),
	FUNCTION(CertSrvServerControlW, HRESULT, WCHAR const *, DWORD, DWORD *, BYTE **),
	FUNCTION_TYPE(FNCERTSRVISSERVERONLINEW, CertSrvIsServerOnlineW),
	FUNCTION_TYPE(
		FNCERTSRVBACKUPGETDYNAMICFILELISTW, CertSrvBackupGetDynamicFileListW),
	FUNCTION_TYPE(FNCERTSRVBACKUPPREPAREW, CertSrvBackupPrepareW),
	FUNCTION_TYPE(FNCERTSRVBACKUPGETDATABASENAMESW, CertSrvBackupGetDatabaseNamesW),
	FUNCTION_TYPE(FNCERTSRVBACKUPOPENFILEW, CertSrvBackupOpenFileW),
	FUNCTION_TYPE(FNCERTSRVBACKUPREAD, CertSrvBackupRead),
	FUNCTION_TYPE(FNCERTSRVBACKUPCLOSE, CertSrvBackupClose),
	FUNCTION_TYPE(FNCERTSRVBACKUPGETBACKUPLOGSW, CertSrvBackupGetBackupLogsW),
	FUNCTION_TYPE(FNCERTSRVBACKUPTRUNCATELOGS, CertSrvBackupTruncateLogs),
	FUNCTION_TYPE(FNCERTSRVBACKUPEND, CertSrvBackupEnd),
	FUNCTION_TYPE(FNCERTSRVBACKUPFREE, CertSrvBackupFree),
	FUNCTION_TYPE(FNCERTSRVRESTOREGETDATABASELOCATIONSW,
		CertSrvRestoreGetDatabaseLocationsW),
	FUNCTION_TYPE(FNCERTSRVRESTOREPREPAREW, CertSrvRestorePrepareW),
	FUNCTION_TYPE(FNCERTSRVRESTOREREGISTERW, CertSrvRestoreRegisterW),
	FUNCTION_TYPE(FNCERTSRVRESTOREREGISTERCOMPLETE, CertSrvRestoreRegisterComplete),
	FUNCTION_TYPE(FNCERTSRVRESTOREEND, CertSrvRestoreEnd),
	FUNCTION_TYPE(FNCERTSRVSERVERCONTROLW, CertSrvServerControlW),

	/* ntdsbcli.h */
	ALIAS(xRPC_STRING),
	ALIAS(UNICODE_RSTMAP),
	STRING(g_aszBackupAnnotation),
	STRING(g_aszRestoreAnnotation),
	VALUE(BACKUP_TYPE_FULL),
	VALUE(BACKUP_TYPE_LOGS_ONLY),
	VALUE(BACKUP_TYPE_INCREMENTAL),
	VALUE(RESTORE_TYPE_AUTHORATATIVE),
	VALUE(RESTORE_TYPE_ONLINE),
	VALUE(RESTORE_TYPE_CATCHUP),
	VALUE(BACKUP_DISABLE_INCREMENTAL),
	VALUE(BFT_DIRECTORY),
	VALUE(BFT_DATABASE_DIRECTORY),
	VALUE(BFT_LOG_DIRECTORY),
	VALUE(BFT_LOG),
	VALUE(BFT_LOG_DIR),
	VALUE(BFT_CHECKPOINT_DIR),
	VALUE(BFT_NTDS_DATABASE),
	VALUE(BFT_PATCH_FILE),
	VALUE(BFT_UNKNOWN),
	TYPE(BFT, BFT_CHARACTER),
	TYPE(HBC, void *),
	STRUCTURE(EDB_RSTMAPA, struct tagEDB_RSTMAPA),
	STRUCTURE(EDB_RSTMAPW, struct tagEDB_RSTMAPW),
	TYPE(PEDB_RSTMAPA, struct tagEDB_RSTMAPA *),
	TYPE(PEDB_RSTMAPW, struct tagEDB_RSTMAPW *),
	SIZE(struct tagEDB_RSTMAPA),
	SIZE(struct tagEDB_RSTMAPW),
	FIELD(EDB_RSTMAPA, szDatabaseName),
	FIELD(EDB_RSTMAPA, szNewDatabaseName),
	FIELD(EDB_RSTMAPW, wszDatabaseName),
	FIELD(EDB_RSTMAPW, wszNewDatabaseName),
	ALIAS(EDB_RSTMAP),
	ALIAS(PEDB_RSTMAP),
	ALIAS(DsIsNTDSOnline),
	ALIAS(DsBackupPrepare),
	ALIAS(DsBackupGetDatabaseNames),
	ALIAS(DsBackupOpenFile),
	ALIAS(DsBackupGetBackupLogs),
	ALIAS(DsRestoreGetDatabaseLocations),
	ALIAS(DsRestorePrepare),
	ALIAS(DsRestoreRegister),
	ALIAS(DsSetCurrentBackupLog),
	ALIAS(DsSetAuthIdentity),
	FUNCTION(DsIsNTDSOnlineA, HRESULT, LPCSTR, BOOL *),
	FUNCTION(DsIsNTDSOnlineW, HRESULT, LPCWSTR, BOOL *),
	FUNCTION(
		DsBackupPrepareA, HRESULT, LPCSTR, ULONG, ULONG, PVOID *, LPDWORD, HBC *),
	FUNCTION(DsBackupPrepareW, HRESULT, LPCWSTR, ULONG, ULONG, PVOID *, LPDWORD,
		HBC *),
	FUNCTION(DsBackupGetDatabaseNamesA, HRESULT, HBC, LPSTR *, LPDWORD),
	FUNCTION(DsBackupGetDatabaseNamesW, HRESULT, HBC, LPWSTR *, LPDWORD),
	FUNCTION(DsBackupOpenFileA, HRESULT, HBC, LPCSTR, DWORD, LARGE_INTEGER *),
	FUNCTION(DsBackupOpenFileW, HRESULT, HBC, LPCWSTR, DWORD, LARGE_INTEGER *),
	FUNCTION(DsBackupRead, HRESULT, HBC, PVOID, DWORD, PDWORD),
	FUNCTION(DsBackupClose, HRESULT, HBC),
	FUNCTION(DsBackupGetBackupLogsA, HRESULT, HBC, LPSTR *, LPDWORD),
	FUNCTION(DsBackupGetBackupLogsW, HRESULT, HBC, LPWSTR *, LPDWORD),
	FUNCTION(DsBackupTruncateLogs, HRESULT, HBC),
	FUNCTION(DsBackupEnd, HRESULT, HBC),
	FUNCTION(DsBackupFree, VOID, PVOID),
	FUNCTION(DsRestoreGetDatabaseLocationsA, HRESULT, HBC, LPSTR *, LPDWORD),
	FUNCTION(DsRestoreGetDatabaseLocationsW, HRESULT, HBC, LPWSTR *, LPDWORD),
	FUNCTION(DsRestorePrepareA, HRESULT, LPCSTR, ULONG, PVOID, DWORD, HBC *),
	FUNCTION(DsRestorePrepareW, HRESULT, LPCWSTR, ULONG, PVOID, DWORD, HBC *),
	FUNCTION(DsRestoreRegisterA, HRESULT, HBC, LPCSTR, LPCSTR, EDB_RSTMAPA *, LONG,
		LPCSTR, ULONG, ULONG),
	FUNCTION(DsRestoreRegisterW, HRESULT, HBC, LPCWSTR, LPCWSTR, EDB_RSTMAPW *, LONG,
		LPCWSTR, ULONG, ULONG),
	FUNCTION(DsRestoreRegisterComplete, HRESULT, HBC, HRESULT),
	FUNCTION(DsRestoreEnd, HRESULT, HBC),
	FUNCTION(DsSetCurrentBackupLogA, HRESULT, LPCSTR, DWORD),
	FUNCTION(DsSetCurrentBackupLogW, HRESULT, LPCWSTR, DWORD),
	FUNCTION(DsSetAuthIdentityA, HRESULT, LPCSTR, LPCSTR, LPCSTR),
	FUNCTION(DsSetAuthIdentityW, HRESULT, LPCWSTR, LPCWSTR, LPCWSTR),

	/* sisbkup.h, and its tag */
	VALUE(IO_REPARSE_TAG_SIS),
	FUNCTION(SisCreateBackupStructure, BOOL, PWCHAR, PVOID *, PWCHAR *, PULONG,
		PWCHAR **),
	FUNCTION(SisCSFilesToBackupForLink, BOOL, PVOID, PVOID, ULONG, PVOID, PVOID *,
		PULONG, PWCHAR **),
	FUNCTION(SisFreeBackupStructure, BOOL, PVOID),
	FUNCTION(SisCreateRestoreStructure, BOOL, PWCHAR, PVOID *, PWCHAR *, PULONG,
		PWCHAR **),
	FUNCTION(SisRestoredLink, BOOL, PVOID, PWCHAR, PVOID, ULONG, PULONG, PWCHAR **),
	FUNCTION(SisRestoredCommonStoreFile, BOOL, PVOID, PWCHAR),
	FUNCTION(SisFreeRestoreStructure, BOOL, PVOID),
	FUNCTION(SisFreeAllocatedMemory, VOID, PVOID),
	POINTER_TYPE(PF_SISCREATEBACKUPSTRUCTURE, SisCreateBackupStructure),
	POINTER_TYPE(PF_SISCSFILESTOBACKUPFORLINK, SisCSFilesToBackupForLink),
	POINTER_TYPE(PF_SISFREEBACKUPSTRUCTURE, SisFreeBackupStructure),
	POINTER_TYPE(PF_SISCREATERESTORESTRUCTURE, SisCreateRestoreStructure),
	POINTER_TYPE(PF_SISRESTOREDLINK, SisRestoredLink),
	/* misspelt since the first Windows header */
	POINTER_TYPE(PF_SISRESTOREDCOMMONSTORFILE, SisRestoredCommonStoreFile),
	POINTER_TYPE(PF_SISFREERESTORESTRUCTURE, SisFreeRestoreStructure),
	/* returns BOOL, which its function does not */
	TYPE(PF_SISFREEALLOCATEDMEMORY, BOOL(WINAPI *)(PVOID)),

#ifndef UNICODE
	STRING(wszBACKUPANNOTATION),
	STRING(wszRESTOREANNOTATION),
	STRING(g_szBackupAnnotation),
	STRING(g_szRestoreAnnotation),
#endif

/* ntdsbmsg.h */
#include "values_ntdsbmsg.h"

	/* what the headers stand on */
	SIZE(CHAR),
	SIZE(BYTE),
	SIZE(BOOL),
	SIZE(LONG),
	SIZE(ULONG),
	SIZE(DWORD),
	SIZE(LONGLONG),
	SIZE(HRESULT),
	SIZE(LARGE_INTEGER),
	SIZE(PVOID),
	FIELD(LARGE_INTEGER, LowPart),
	FIELD(LARGE_INTEGER, HighPart),
	FIELD(LARGE_INTEGER, u.LowPart),
	FIELD(LARGE_INTEGER, u.HighPart),
	FIELD(LARGE_INTEGER, QuadPart),
	{"HRESULT is signed", (HRESULT)-1 < 0, ""},
	{"LONG is signed", (LONG)-1 < 0, ""},
	{"DWORD is unsigned", (DWORD)-1 > 0, ""},
	VALUE(S_OK),
	VALUE(S_FALSE),
	VALUE(SUCCEEDED(hrNone)),
	VALUE(SUCCEEDED(S_FALSE)),
	VALUE(SUCCEEDED(hrError)),
	VALUE(FAILED(0xC7FF0002u)),
	VALUE(FAILED(38)),
#include "values_errors.h"
};

IN_SECTION("wide")
static const struct wide_entry wide_entries[] = {
	WIDE(g_wszBackupAnnotation),
	WIDE(g_wszRestoreAnnotation),
#ifdef UNICODE
	WIDE(wszBACKUPANNOTATION),
	WIDE(wszRESTOREANNOTATION),
	WIDE(g_szBackupAnnotation),
	WIDE(g_szRestoreAnnotation),
#endif
};

/* HRESULT_FROM_WIN32 is a function with some headers, so no constant. */
#ifndef _WIN32
int main(void)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		printf("%s\t%lld\t%s\n", entries[i].name, entries[i].value,
			entries[i].text);
	/* Of ASCII, and of either width. */
	for (size_t i = 0; i < sizeof(wide_entries) / sizeof(wide_entries[0]); i++) {
		printf("%s\twide\t", wide_entries[i].name);
		for (const WCHAR *c = wide_entries[i].text; *c; c++)
			putchar((int)*c);
		putchar('\n');
	}
	return HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED) == (HRESULT)0x80070005 &&
			       HRESULT_FROM_WIN32(0) == 0 &&
			       HRESULT_FROM_WIN32(hrError) == hrError
		       ? 0
		       : 1;
}
#endif
