/*
 * win32/privileges.h - the calls with which a tool enables its backup privileges
 *
 * Included by windows.h only. What the process may do decides; enabling only asks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_PRIVILEGES_H
#define BACKUPAPI_WIN32_PRIVILEGES_H

typedef struct _LUID {
	DWORD LowPart;
	LONG HighPart;
} LUID, *PLUID;

typedef struct _LUID_AND_ATTRIBUTES {
	LUID Luid;
	DWORD Attributes;
} LUID_AND_ATTRIBUTES, *PLUID_AND_ATTRIBUTES;

#ifndef ANYSIZE_ARRAY
#define ANYSIZE_ARRAY 1
#endif

typedef struct _TOKEN_PRIVILEGES {
	DWORD PrivilegeCount;
	LUID_AND_ATTRIBUTES Privileges[ANYSIZE_ARRAY];
} TOKEN_PRIVILEGES, *PTOKEN_PRIVILEGES;

#ifndef SE_PRIVILEGE_ENABLED_BY_DEFAULT
#define SE_PRIVILEGE_ENABLED_BY_DEFAULT 0x00000001
#endif
#ifndef SE_PRIVILEGE_ENABLED
#define SE_PRIVILEGE_ENABLED 0x00000002
#endif
#ifndef SE_PRIVILEGE_REMOVED
#define SE_PRIVILEGE_REMOVED 0x00000004
#endif

#ifndef SE_BACKUP_NAME
#define SE_BACKUP_NAME TEXT("SeBackupPrivilege")
#endif
#ifndef SE_RESTORE_NAME
#define SE_RESTORE_NAME TEXT("SeRestorePrivilege")
#endif

#ifndef TOKEN_QUERY
#define TOKEN_QUERY 0x0008
#endif
#ifndef TOKEN_ADJUST_PRIVILEGES
#define TOKEN_ADJUST_PRIVILEGES 0x0020
#endif
#ifndef TOKEN_ALL_ACCESS
#define TOKEN_ALL_ACCESS 0x000F01FF
#endif

static inline HANDLE backupapi_GetCurrentProcess(void)
{
	return BACKUPAPI_CURRENT_PROCESS;
}

static inline BOOL backupapi_give_luid(uint32_t number, PLUID luid)
{
	luid->LowPart = number;
	luid->HighPart = 0;
	return number != 0;
}

static inline BOOL backupapi_LookupPrivilegeValueA(LPCSTR system, LPCSTR name, PLUID luid)
{
	if (!luid) {
		backupapi_set_last_error(ERROR_INVALID_PARAMETER);
		return FALSE;
	}
	return backupapi_give_luid(backupapi_privilege_number(system, name), luid);
}

static inline BOOL backupapi_LookupPrivilegeValueW(
	LPCWSTR system, LPCWSTR name, PLUID luid)
{
	char *text = backupapi_text_from_wide(name);
	char *host = system && text ? backupapi_text_from_wide(system) : NULL;
	BOOL found = FALSE;

	if (text && (host || !system))
		found = backupapi_LookupPrivilegeValueA(host, text, luid);
	else if (luid)
		(void)backupapi_give_luid(0, luid);
	backupapi_free(host);
	backupapi_free(text);
	return found;
}

/* ROOM is the size of FORMER in bytes, *NEEDED what it would have to be. */
static inline BOOL backupapi_AdjustTokenPrivileges(HANDLE token, BOOL disable_all,
	PTOKEN_PRIVILEGES wanted, DWORD room, PTOKEN_PRIVILEGES former, LPDWORD needed)
{
	const size_t head = offsetof(TOKEN_PRIVILEGES, Privileges);
	const size_t one = sizeof(LUID_AND_ATTRIBUTES);
	uint32_t count = 0;
	uint32_t capacity = room > head ? (uint32_t)((room - head) / one) : 0;
	BOOL done;

	if ((former && room < sizeof(former->PrivilegeCount)) ||
		(!disable_all && !wanted)) {
		backupapi_set_last_error(former && room < head ? ERROR_INSUFFICIENT_BUFFER
							       : ERROR_INVALID_PARAMETER);
		return FALSE;
	}
	done = backupapi_token_adjust(token, disable_all,
		disable_all ? NULL
			    : (const struct backupapi_privilege *)(const void *)
				      wanted->Privileges,
		disable_all ? 0 : wanted->PrivilegeCount,
		former ? (struct backupapi_privilege *)(void *)former->Privileges : NULL,
		capacity, &count);
	if (former && done)
		former->PrivilegeCount = count;
	if (needed)
		*needed = (DWORD)(head + count * one);
	return done;
}

#ifndef OpenProcessToken
#define OpenProcessToken backupapi_token_open
#endif
#ifndef GetCurrentProcess
#define GetCurrentProcess backupapi_GetCurrentProcess
#endif
#ifndef LookupPrivilegeValueA
#define LookupPrivilegeValueA backupapi_LookupPrivilegeValueA
#endif
#ifndef LookupPrivilegeValueW
#define LookupPrivilegeValueW backupapi_LookupPrivilegeValueW
#endif
#ifndef LookupPrivilegeValue
#define LookupPrivilegeValue BACKUPAPI_NAME_AW(LookupPrivilegeValue)
#endif
#ifndef AdjustTokenPrivileges
#define AdjustTokenPrivileges backupapi_AdjustTokenPrivileges
#endif

#endif
