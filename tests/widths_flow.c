/*
 * Compiled several times: FLOWS is the name of the structure that this time gives (widths.h).
 * What a call gives is written down without anything that depends on the width: names in
 * UTF-8, sizes checked against the names and left out.
 */
#include "widths.h"

#include <certbcli.h>
#include <ntdsbcli.h>

#include <sys/stat.h>

#include "widths_text.h"

static size_t length(const WCHAR *text)
{
	size_t count = 0;

	while (text[count])
		count++;
	return count;
}

/* The names of LIST, which is SIZE bytes long; the last ones read are in NAMES. */
static size_t say_list(
	FILE *out, const WCHAR *list, DWORD size, bool tagged, const WCHAR *names[])
{
	const WCHAR *p = list;
	size_t count = 0;

	ck_assert_ptr_nonnull(list);
	while (*p) {
		if (tagged)
			fprintf(out, "\t%02x %s\n", (unsigned)*p, utf8(p + 1));
		else
			fprintf(out, "\t%s\n", utf8(p));
		ck_assert_uint_lt(count, 64);
		names[count++] = p;
		p += length(p) + 1;
	}
	p += count ? 1 : 2;
	ck_assert_uint_eq(size, (size_t)((const char *)p - (const char *)list));
	return count;
}

/* NAME to path to name. */
static const char *say_path(FILE *out, const WCHAR *name, bool tagged)
{
	char *path = backupapi_path_from_name(name);
	const char *kept;
	WCHAR *again;

	ck_assert_msg(path != NULL, "%s: %s", utf8(name), backupapi_error_detail());
	again = backupapi_name_from_path("ca01", path);
	ck_assert_ptr_nonnull(again);
	if (tagged)
		name++;
	ck_assert_uint_eq(length(again), length(name));
	ck_assert_mem_eq(again, name, length(name) * sizeof(*name));
	fprintf(out, "\tis %s\n", path);
	backupapi_free(again);
	kept = keep(path, strlen(path) + 1);
	backupapi_free(path);
	return kept;
}

/* ---- a restore's map and files ---- */

struct saved {
	size_t count;
	WCHAR *names[64];
	char *contents[64];
};

static void save(struct saved *saved, const WCHAR *name, const char *content)
{
	saved->names[saved->count] = wide(utf8(name));
	saved->contents[saved->count++] = keep(content, strlen(content) + 1);
}

static void stage(const struct saved *saved)
{
	for (size_t i = 0; i < saved->count; i++) {
		char *path = backupapi_path_from_name(saved->names[i]);
		char *staged = backupapi_restore_staging_path(path), *slash;

		ck_assert_ptr_nonnull(staged);
		slash = strrchr(staged, '/');
		*slash = '\0';
		(void)mkdir(staged, 0700);
		*slash = '/';
		support_write(staged, saved->contents[i]);
		backupapi_free(path);
		backupapi_free(staged);
	}
}

/* ---- CertSrv ---- */

static void certsrv_file(FILE *out, HCSBC hbc, const WCHAR *name, char *content)
{
	LARGE_INTEGER size;
	DWORD got = 0;

	SAY(out, CertSrvBackupOpenFileW(hbc, name, 0, &size));
	SAY(out, CertSrvBackupRead(hbc, content, 4096, &got));
	content[got] = '\0';
	ck_assert_int_eq(size.QuadPart, got);
	fprintf(out, "\tholds %s", content);
	SAY(out, CertSrvBackupClose(hbc));
}

static void certsrv_lists(FILE *out, HCSBC hbc)
{
	const WCHAR *names[64];
	WCHAR *list = POISON;
	DWORD size = 0;
	size_t count;

	SAY(out, CertSrvBackupGetDynamicFileListW(hbc, &list, &size));
	count = say_list(out, list, size, false, names);
	for (size_t i = 0; i < count; i++)
		(void)say_path(out, names[i], false);
	CertSrvBackupFree(list);
	SAY(out, CertSrvRestoreGetDatabaseLocationsW(hbc, &list, &size));
	(void)say_list(out, list, size, true, names);
	CertSrvBackupFree(list);
	SAY(out, CertSrvBackupGetBackupLogsW(hbc, &list, &size));
	(void)say_list(out, list, size, true, names);
	CertSrvBackupFree(list);
}

static void certsrv_backup(FILE *out, struct saved *saved)
{
	static const WCHAR bad_byte[] = {'/', 0xdc80, 0};
	const WCHAR *names[64];
	char content[4097];
	LARGE_INTEGER length_of_file;
	WCHAR *list = POISON;
	HCSBC hbc = POISON;
	DWORD size = 0;
	size_t count;

	SAY(out, CertSrvBackupPrepareW(W("\\\\CA01"), 0, CSBACKUP_TYPE_FULL, &hbc));
	SAY(out, CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	count = say_list(out, list, size, true, names);
	for (size_t i = 0; i < count; i++) {
		(void)say_path(out, names[i], true);
		certsrv_file(out, hbc, names[i] + i % 2, content);
		save(saved, names[i], content);
	}
	CertSrvBackupFree(list);
	SAY(out, CertSrvBackupOpenFileW(hbc, bad_byte, 0, &length_of_file));
	SAY(out, CertSrvBackupOpenFileW(hbc, W("/\U0001F600"), 0, &length_of_file));
	certsrv_lists(out, hbc);
	SAY(out, CertSrvBackupTruncateLogs(hbc));
	SAY(out, CertSrvBackupEnd(hbc));
}

typedef HRESULT certsrv_register(HCSBC, WCHAR const *, WCHAR const *, CSEDB_RSTMAPW[],
	LONG, WCHAR const *, ULONG, ULONG);

static void certsrv_restore(FILE *out, const struct saved *saved, certsrv_register *reg)
{
	CSEDB_RSTMAPW map[64];
	WCHAR *list = POISON;
	const WCHAR *names[64];
	HCSBC hbc = POISON;
	DWORD size = 0;

	for (size_t i = 0; i < saved->count; i++)
		map[i] = (CSEDB_RSTMAPW){saved->names[i], saved->names[i]};
	SAY(out, CertSrvServerControlW(W("ca01"), CSCONTROL_SHUTDOWN, NULL, NULL));
	SAY(out, CertSrvRestorePrepareW(W("HOST\\nobody"), 0, &hbc));
	SAY(out, CertSrvRestorePrepareW(NULL, CSRESTORE_TYPE_FULL, &hbc));
	SAY(out, CertSrvRestoreGetDatabaseLocationsW(hbc, &list, &size));
	(void)say_list(out, list, size, true, names);
	CertSrvBackupFree(list);
	stage(saved);
	SAY(out, reg(hbc, NULL, NULL, map, (LONG)saved->count, W("/no logs"), 0, 0));
	SAY(out, CertSrvRestoreRegisterComplete(hbc, S_OK));
	SAY(out, CertSrvRestoreEnd(hbc));
	SAY(out, backupapi_recover(NULL));
	SAY(out, CertSrvServerControlW(NULL, CSCONTROL_RESTART, NULL, NULL));
}

static void certsrv(FILE *out)
{
	struct saved saved = {0};
	uint32_t generation = 1;
	BOOL online = 7;

	SAY(out, CertSrvIsServerOnlineW(NULL, &online));
	SAY(out, CertSrvIsServerOnlineW(W("ca01"), &online));
	fprintf(out, "online %d\n", online);
	SAY(out, CertSrvIsServerOnlineW(W("\u00e4\U0001F600"), &online));
	SAY(out, backupapi_log_generation(NULL, W("/x"), &generation));
	certsrv_backup(out, &saved);
	certsrv_restore(out, &saved, CertSrvRestoreRegisterW);
	certsrv_restore(out, &saved, CertSrvRestoreRegisterThroughFile);
}

/* ---- Ds ---- */

static void ds_file(FILE *out, HBC hbc, const WCHAR *name, char *content)
{
	LARGE_INTEGER size;
	DWORD got = 0;

	SAY(out, DsBackupOpenFileW(hbc, name, 24576, &size));
	SAY(out, DsBackupRead(hbc, content, 24576, &got));
	content[got] = '\0';
	fprintf(out, "\tholds %s", content);
	SAY(out, DsBackupRead(hbc, content, 24576, &got));
	SAY(out, DsBackupClose(hbc));
}

static void ds_logs_and_end(FILE *out, HBC hbc)
{
	const WCHAR *names[64];
	WCHAR *list = POISON;
	DWORD size = 0;

	SAY(out, DsBackupGetBackupLogsW(hbc, &list, &size));
	(void)say_list(out, list, size, true, names);
	DsBackupFree(list);
	SAY(out, DsBackupEnd(hbc));
}

static void ds_backup(FILE *out, struct saved *saved, PVOID *token, DWORD *token_size)
{
	static char content[24577];
	const WCHAR *names[64];
	WCHAR *list = POISON;
	HBC hbc = POISON;
	DWORD size = 0;
	size_t count;

	SAY(out, DsBackupPrepareW(
			 W("CA01"), 0, BACKUP_TYPE_FULL, token, token_size, &hbc));
	SAY(out, DsBackupGetDatabaseNamesW(hbc, &list, &size));
	count = say_list(out, list, size, true, names);
	for (size_t i = 0; i < count; i++) {
		char *saved_content;

		ds_file(out, hbc, names[i] + i % 2, content);
		saved_content = support_read(say_path(out, names[i], true));
		save(saved, names[i], saved_content);
		free(saved_content);
	}
	DsBackupFree(list);
	ds_logs_and_end(out, hbc);
}

static void ds_restore(FILE *out, const struct saved *saved, PVOID token, DWORD size)
{
	EDB_RSTMAPW map[64];
	WCHAR *list = POISON;
	const WCHAR *names[64];
	HBC hbc = POISON;
	DWORD list_size = 0;
	char *directory = backupapi_path_from_name(saved->names[0]);
	WCHAR *place;

	*strrchr(directory, '/') = '\0';
	place = wide(directory);
	backupapi_free(directory);
	for (size_t i = 0; i < saved->count; i++)
		map[i] = (EDB_RSTMAPW){saved->names[i], saved->names[i]};
	SAY(out, backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, NULL));
	SAY(out, DsRestorePrepareW(W("ca01"), 0, token, size, &hbc));
	SAY(out, DsRestoreGetDatabaseLocationsW(hbc, &list, &list_size));
	(void)say_list(out, list, list_size, true, names);
	DsBackupFree(list);
	stage(saved);
	SAY(out, DsRestoreRegisterW(
			 hbc, place, place, map, (LONG)saved->count, place, 0, 0));
	SAY(out, DsRestoreRegisterComplete(hbc, S_OK));
	SAY(out, DsRestoreEnd(hbc));
	SAY(out, backupapi_recover(NULL));
	SAY(out, backupapi_server_control(NULL, BACKUPAPI_CONTROL_START, NULL));
}

static void ds(FILE *out)
{
	struct saved saved = {0};
	PVOID token = POISON;
	DWORD size = 0;
	BOOL online = 7;

	SAY(out, DsIsNTDSOnlineW(W("ca01"), &online));
	fprintf(out, "online %d\n", online);
	SAY(out, DsIsNTDSOnlineW(W("a_b"), &online));
	SAY(out, DsSetCurrentBackupLogW(W("ca01"), 1));
	SAY(out, DsSetAuthIdentityW(
			 W("us\U0001F600r"), W("d\u00f6main"), W("\U0010FFFF")));
	SAY(out, DsSetAuthIdentityW(NULL, W("d"), NULL));
	SAY(out, DsSetAuthIdentityW(NULL, NULL, NULL));
	ds_backup(out, &saved, &token, &size);
	ds_restore(out, &saved, token, size);
	DsBackupFree(token);
}

/* ---- text that is no Unicode ---- */

static void invalid_certsrv(FILE *out, WCHAR *bad)
{
	static WCHAR good[] = {'/', 'x', 0};
	CSEDB_RSTMAPW old = {bad, good}, new = {good, bad};
	certsrv_register *const registers[] = {
		CertSrvRestoreRegisterW, CertSrvRestoreRegisterThroughFile};
	LARGE_INTEGER size;
	BOOL online = 7;
	HCSBC hbc = POISON;

	SAY(out, CertSrvIsServerOnlineW(bad, &online));
	SAY(out, CertSrvServerControlW(bad, CSCONTROL_SHUTDOWN, NULL, NULL));
	SAY(out, CertSrvBackupPrepareW(bad, 0, CSBACKUP_TYPE_FULL, &hbc));
	SAY(out, CertSrvRestorePrepareW(bad, 0, &hbc));
	ck_assert_ptr_null(hbc);
	SAY(out, CertSrvBackupOpenFileW(hbc, bad, 0, &size));
	for (size_t i = 0; i < 2; i++) {
		certsrv_register *reg = registers[i];

		SAY(out, reg(hbc, bad, good, NULL, 0, good, 0, 0));
		SAY(out, reg(hbc, good, bad, NULL, 0, good, 0, 0));
		SAY(out, reg(hbc, good, good, NULL, 0, bad, 0, 0));
		SAY(out, reg(hbc, good, good, &old, 1, good, 0, 0));
		SAY(out, reg(hbc, good, good, &new, 1, good, 0, 0));
	}
}

static void invalid_ds(FILE *out, WCHAR *bad)
{
	static WCHAR good[] = {'/', 'x', 0};
	EDB_RSTMAPW old = {bad, good}, new = {good, bad};
	LARGE_INTEGER size;
	PVOID token = POISON;
	DWORD token_size = 0;
	BOOL online = 7;
	HBC hbc = POISON;

	SAY(out, DsIsNTDSOnlineW(bad, &online));
	SAY(out, DsBackupPrepareW(bad, 0, BACKUP_TYPE_FULL, &token, &token_size, &hbc));
	SAY(out, DsRestorePrepareW(bad, 0, NULL, 0, &hbc));
	ck_assert_ptr_null(token);
	ck_assert_ptr_null(hbc);
	SAY(out, DsBackupOpenFileW(hbc, bad, 24576, &size));
	SAY(out, DsRestoreRegisterW(hbc, bad, good, NULL, 0, good, 0, 0));
	SAY(out, DsRestoreRegisterW(hbc, good, bad, NULL, 0, good, 0, 0));
	SAY(out, DsRestoreRegisterW(hbc, good, good, NULL, 0, bad, 0, 0));
	SAY(out, DsRestoreRegisterW(hbc, good, good, &old, 1, good, 0, 0));
	SAY(out, DsRestoreRegisterW(hbc, good, good, &new, 1, good, 0, 0));
	SAY(out, DsSetCurrentBackupLogW(bad, 1));
	SAY(out, DsSetAuthIdentityW(bad, good, good));
	SAY(out, DsSetAuthIdentityW(good, bad, good));
	SAY(out, DsSetAuthIdentityW(good, good, bad));
}

static void invalid(FILE *out)
{
	for (size_t i = 0; i < INVALID_TEXTS; i++) {
		WCHAR *bad = invalid_text(i);
		uint32_t generation = 1;

		invalid_certsrv(out, bad);
		invalid_ds(out, bad);
		ck_assert_ptr_null(backupapi_path_from_name(bad));
		say(out, "backupapi_path_from_name", (int32_t)backupapi_get_last_error());
		SAY(out, backupapi_log_generation(NULL, bad, &generation));
	}
}

/* ---- literals ---- */

static void literals(FILE *out)
{
	fprintf(out, "%s\n", utf8(g_wszBackupAnnotation));
	fprintf(out, "%s\n", utf8(g_wszRestoreAnnotation));
	fprintf(out, "%s\n", utf8(W("\u00e4\uffff\U00010000\U0001F600\U0010FFFF")));
	fprintf(out, "%x %x %x\n", (unsigned)CSBFT_LOG, (unsigned)CSBFT_LOG_DIR,
		(unsigned)CSBFT_CERTSERVER_DATABASE);
}

const struct widths FLOWS = {
	NAME_OF(FLOWS), sizeof(WCHAR), certsrv, ds, invalid, literals};
