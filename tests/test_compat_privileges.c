/* OpenProcessToken to CloseHandle: what the process may do decides. */
#include "compat_calls.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/privilege.h"
#include "forked.h"

#define BOTH (TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES)

static HANDLE open_token(DWORD access)
{
	HANDLE token = NULL;

	WORKS(OpenProcessToken(GetCurrentProcess(), access, &token));
	ck_assert_ptr_nonnull(token);
	return token;
}

static TOKEN_PRIVILEGES one(const TCHAR *name, DWORD attributes)
{
	TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1};

	wanted.Privileges[0].Attributes = attributes;
	ck_assert(LookupPrivilegeValue(NULL, name, &wanted.Privileges[0].Luid));
	return wanted;
}

/* The error after enabling NAME. */
static DWORD enable(const TCHAR *name)
{
	TOKEN_PRIVILEGES wanted = one(name, SE_PRIVILEGE_ENABLED);
	HANDLE token = open_token(BOTH);
	DWORD error;

	SetLastError(OTHER_ERROR);
	ck_assert(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL));
	error = GetLastError();
	WORKS(CloseHandle(token));
	return error;
}

/* ---- with and without capabilities ---- */

static bool drop(uint64_t kept)
{
	struct {
		uint32_t version;
		int pid;
	} header = {.version = 0x20080522};
	struct {
		uint32_t effective, permitted, inheritable;
	} words[2] = {{0}};

	if (syscall(SYS_capget, &header, words) != 0)
		return false;
	words[0].effective &= (uint32_t)kept;
	words[1].effective = 0;
	return syscall(SYS_capset, &header, words) == 0;
}

static int errors_with(void *kept)
{
	DWORD backup, restore;

	if (!drop(*(const uint64_t *)kept))
		return -2;
	backup = enable(SE_BACKUP_NAME);
	restore = enable(SE_RESTORE_NAME);
	return (backup == ERROR_NOT_ALL_ASSIGNED ? 1
		       : backup == 0             ? 0
						 : 100) +
	       (restore == ERROR_NOT_ALL_ASSIGNED ? 2
		       : restore == 0             ? 0
						  : 200);
}

/* What is missing of the two with only KEPT of root's capabilities: 1 and 2. */
static int missing_with(uint64_t kept)
{
	return forked(fork, errors_with, &kept);
}

#define CHOWN           (UINT64_C(1) << 0)
#define DAC_OVERRIDE    (UINT64_C(1) << 1)
#define DAC_READ_SEARCH (UINT64_C(1) << 2)
#define FOWNER          (UINT64_C(1) << 3)

START_TEST(capabilities_decide)
{
	if (geteuid() != 0) {
		ck_assert_uint_eq(enable(SE_BACKUP_NAME), ERROR_NOT_ALL_ASSIGNED);
		ck_assert_uint_eq(enable(SE_RESTORE_NAME), ERROR_NOT_ALL_ASSIGNED);
		return;
	}
	ck_assert_int_eq(missing_with(0), 3);
	ck_assert_int_eq(missing_with(DAC_READ_SEARCH), 2);
	ck_assert_int_eq(missing_with(DAC_OVERRIDE), 2);
	ck_assert_int_eq(missing_with(DAC_OVERRIDE | CHOWN), 2);
	ck_assert_int_eq(missing_with(DAC_OVERRIDE | CHOWN | FOWNER), 0);
	ck_assert_int_eq(missing_with(CHOWN | FOWNER), 3);
	ck_assert_uint_eq(enable(SE_BACKUP_NAME), ERROR_SUCCESS);
	ck_assert_uint_eq(enable(SE_RESTORE_NAME), ERROR_SUCCESS);
}
END_TEST

static int as_nobody(void *unused)
{
	(void)unused;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return -2;
	return enable(SE_BACKUP_NAME) == ERROR_NOT_ALL_ASSIGNED &&
	       enable(SE_RESTORE_NAME) == ERROR_NOT_ALL_ASSIGNED &&
	       !privilege_read_any() && !privilege_write_any();
}

START_TEST(an_ordinary_user_has_neither)
{
	if (geteuid() == 0)
		ck_assert_int_eq(forked(fork, as_nobody, NULL), 1);
	else
		ck_assert_int_eq(as_nobody(NULL), 1);
}
END_TEST

/* ---- the former state ---- */

START_TEST(the_former_state_is_told_and_can_be_put_back)
{
	TOKEN_PRIVILEGES wanted = one(SE_BACKUP_NAME, SE_PRIVILEGE_ENABLED), former;
	HANDLE token = open_token(BOTH);
	DWORD needed = 0;

	if (!privilege_read_any())
		return;
	ck_assert(AdjustTokenPrivileges(
		token, FALSE, &wanted, sizeof(former), &former, &needed));
	ck_assert_uint_eq(GetLastError(), ERROR_SUCCESS);
	ck_assert_uint_eq(former.PrivilegeCount, 1);
	ck_assert_uint_eq(former.Privileges[0].Luid.LowPart, 17);
	ck_assert_uint_eq(former.Privileges[0].Attributes, 0);
	ck_assert_uint_eq(needed, sizeof(former));
	/* Nothing changes any more. */
	ck_assert(AdjustTokenPrivileges(
		token, FALSE, &wanted, sizeof(wanted), &wanted, &needed));
	ck_assert_uint_eq(wanted.PrivilegeCount, 0);
	ck_assert(AdjustTokenPrivileges(token, FALSE, &former, 0, NULL, NULL));
	ck_assert_uint_eq(GetLastError(), ERROR_SUCCESS);
	wanted = one(SE_BACKUP_NAME, SE_PRIVILEGE_ENABLED);
	FAILS(AdjustTokenPrivileges(token, FALSE, &wanted, 4, &former, &needed),
		ERROR_INSUFFICIENT_BUFFER);
	ck_assert_uint_eq(needed, sizeof(former));
	WORKS(CloseHandle(token));
}
END_TEST

START_TEST(all_can_be_disabled_and_one_removed)
{
	TOKEN_PRIVILEGES wanted = one(SE_BACKUP_NAME, SE_PRIVILEGE_ENABLED), former;
	HANDLE token = open_token(BOTH);
	DWORD needed;

	if (!privilege_read_any())
		return;
	ck_assert(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL));
	ck_assert(AdjustTokenPrivileges(
		token, TRUE, NULL, sizeof(former), &former, &needed));
	ck_assert_uint_eq(former.PrivilegeCount, 1);
	ck_assert_uint_eq(former.Privileges[0].Attributes, SE_PRIVILEGE_ENABLED);
	wanted.Privileges[0].Attributes = SE_PRIVILEGE_REMOVED;
	ck_assert(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL));
	ck_assert_uint_eq(GetLastError(), ERROR_SUCCESS);
	wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	ck_assert(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL));
	ck_assert_uint_eq(GetLastError(), ERROR_NOT_ALL_ASSIGNED);
	WORKS(CloseHandle(token));
}
END_TEST

/* ---- bad input ---- */

START_TEST(names_are_looked_up_on_this_host_without_case)
{
	LUID luid = {7, 7};
	char host[256];
	DWORD size = sizeof(host);

	WORKS(LookupPrivilegeValueA(NULL, "sebackupPRIVILEGE", &luid));
	ck_assert_uint_eq(luid.LowPart, 17);
	ck_assert_int_eq(luid.HighPart, 0);
	WORKS(GetComputerNameA(host, &size));
	WORKS(LookupPrivilegeValueA(host, "SeRestorePrivilege", &luid));
	ck_assert_uint_eq(luid.LowPart, 18);
	WORKS(LookupPrivilegeValueW(W(""), W("SeRestorePrivilege"), &luid));
	FAILS(LookupPrivilegeValueA("elsewhere", "SeBackupPrivilege", &luid),
		RPC_S_SERVER_UNAVAILABLE);
	FAILS(LookupPrivilegeValueA(NULL, "SeDebugPrivilege", &luid),
		ERROR_NO_SUCH_PRIVILEGE);
	ck_assert_uint_eq(luid.LowPart, 0);
	FAILS(LookupPrivilegeValueW(NULL, NULL, &luid), ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(LookupPrivilegeValueA(NULL, "SeBackupPrivilege", NULL),
		ERROR_INVALID_PARAMETER);
}
END_TEST

START_TEST(bad_handles_and_access_are_refused)
{
	TOKEN_PRIVILEGES wanted = one(SE_BACKUP_NAME, 0), former;
	HANDLE token = open_token(TOKEN_ADJUST_PRIVILEGES), other = (HANDLE)&other;
	DWORD needed;

	FAILS(OpenProcessToken(NULL, BOTH, &other), ERROR_INVALID_HANDLE);
	ck_assert_ptr_null(other);
	FAILS(OpenProcessToken(GetCurrentProcess(), BOTH, NULL), ERROR_INVALID_PARAMETER);
	FAILS(AdjustTokenPrivileges(
		      token, FALSE, &wanted, sizeof(former), &former, &needed),
		ERROR_ACCESS_DENIED);
	FAILS_QUIETLY(AdjustTokenPrivileges(token, FALSE, NULL, 0, NULL, NULL),
		ERROR_INVALID_PARAMETER);
	FAILS_QUIETLY(AdjustTokenPrivileges(token, FALSE, &wanted, 3, &former, NULL),
		ERROR_INSUFFICIENT_BUFFER);
	WORKS(CloseHandle(token));
	FAILS(CloseHandle(token), ERROR_INVALID_HANDLE);
	FAILS(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL),
		ERROR_INVALID_HANDLE);
	FAILS(CloseHandle(NULL), ERROR_INVALID_HANDLE);
	FAILS(CloseHandle((HANDLE)&wanted), ERROR_INVALID_HANDLE);
	WORKS(CloseHandle(GetCurrentProcess()));
	wanted.Privileges[0].Luid.LowPart = 99;
	token = open_token(BOTH);
	ck_assert(AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL));
	ck_assert_uint_eq(GetLastError(), ERROR_NOT_ALL_ASSIGNED);
	WORKS(CloseHandle(token));
}
END_TEST

START_TEST(structures_have_the_layout_that_is_cast_to)
{
	ck_assert_uint_eq(
		sizeof(LUID_AND_ATTRIBUTES), sizeof(struct backupapi_privilege));
	ck_assert_uint_eq(offsetof(LUID_AND_ATTRIBUTES, Attributes),
		offsetof(struct backupapi_privilege, attributes));
	ck_assert_uint_eq(sizeof(TOKEN_PRIVILEGES), 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compat_privileges");
	TCase *tcase = tcase_create("compat_privileges");

	tcase_add_test(tcase, capabilities_decide);
	tcase_add_test(tcase, an_ordinary_user_has_neither);
	tcase_add_test(tcase, the_former_state_is_told_and_can_be_put_back);
	tcase_add_test(tcase, all_can_be_disabled_and_one_removed);
	tcase_add_test(tcase, names_are_looked_up_on_this_host_without_case);
	tcase_add_test(tcase, bad_handles_and_access_are_refused);
	tcase_add_test(tcase, structures_have_the_layout_that_is_cast_to);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
