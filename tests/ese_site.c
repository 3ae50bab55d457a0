#include "ese_site.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "base/names.h"
#include "base/text.h"
#include "engine/log_part.h"

enum { DS_PIECE = 24576 };

/* ---- the store ---- */

static char *make_dir(const char *parent, const char *name)
{
	char *path = support_path(parent, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	return path;
}

void ese_site_configure(const struct ese_site *site, const char *lines)
{
	char *path = support_path(site->conf, "ca01.conf");
	char text[8192];

	(void)snprintf(text, sizeof(text),
		"[server]\nname = ca01\nfamily = certsrv\nfamily = ds\nnames = posix\n"
		"authority = Test\nstate_dir = %s\n[store]\n%s%s%s%s",
		site->state, lines && strstr(lines, "engine") ? "" : "engine = ese\n",
		lines && strstr(lines, "database") ? "" : "database = ",
		lines && strstr(lines, "database") ? "" : ese_site_path(site, "*.edb\n"),
		lines ? lines : "");
	support_write(path, text);
	ck_assert_int_eq(chmod(path, 0600), 0);
	free(path);
}

struct ese_site *ese_site_make(void)
{
	struct ese_site *site = calloc(1, sizeof(*site));

	ck_assert_ptr_nonnull(site);
	site->dir = support_tmpdir();
	site->conf = make_dir(site->dir, "conf");
	site->state = make_dir(site->dir, "state");
	site->data = make_dir(site->dir, "data");
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", site->conf, 1), 0);
	ese_site_configure(site, NULL);
	return site;
}

void ese_site_free(struct ese_site *site)
{
	free(site->conf);
	free(site->state);
	free(site->data);
	free(site);
}

const char *ese_site_path(const struct ese_site *site, const char *name)
{
	static char paths[16][4096];
	static unsigned next;
	char *path = paths[next++ % 16];

	ck_assert_int_lt(snprintf(path, sizeof(paths[0]), "%s/%s", site->data, name),
		(int)sizeof(paths[0]));
	return path;
}

void ese_site_damage(
	const struct ese_site *site, const char *name, long offset, unsigned bits)
{
	size_t size;
	uint8_t *data = ese_store_read(ese_site_path(site, name), &size);

	ck_assert_uint_lt((size_t)offset, size);
	data[offset] ^= (uint8_t)bits;
	ese_store_write(ese_site_path(site, name), data, size);
	free(data);
}

void ese_site_consistent_at(const struct ese_site *site, const char *name,
	uint32_t page_size, uint32_t generation)
{
	size_t size;
	uint8_t *data = ese_store_read(ese_site_path(site, name), &size);

	for (uint8_t *copy = data; copy <= data + page_size; copy += page_size) {
		ese_store_put32(copy + 60, generation);
		ese_store_seal(copy, page_size);
	}
	ese_store_write(ese_site_path(site, name), data, size);
	free(data);
}

void ese_site_database(
	const struct ese_site *site, const char *name, uint32_t low, uint32_t high)
{
	const struct ese_store_database database = {
		.page_size = 4096,
		.pages = 30,
		.unused_every = 7,
		.legacy_every = 5,
		.state = low ? 2 : 3,
		.min_required = low,
		.max_required = high,
		.committed = high,
		.signature = 11,
		.log_signature = ESE_SITE_SIGNATURE,
		.seed = 1,
	};

	ese_store_write_database(ese_site_path(site, name), &database);
}

void ese_site_logs(const struct ese_site *site, uint32_t low, uint32_t high)
{
	const struct ese_store_chain chain = {
		.base = "edb",
		.extension = ".log",
		.low = low,
		.high = high,
		.major = 8,
		.current = true,
		.signature = ESE_SITE_SIGNATURE,
	};

	ese_store_write_chain(site->data, &chain);
}

/* ---- sessions ---- */

static WCHAR *widen(const char *text)
{
	WCHAR *wide = calloc(text_wide_length(text) + 1, sizeof(*wide));

	ck_assert_ptr_nonnull(wide);
	text_to_wide(text, wide);
	return wide;
}

HRESULT ese_begin(bool ds, enum ese_type type, struct ese_session *session)
{
	DWORD size;
	void *token;
	HRESULT hr;

	*session = (struct ese_session){.ds = ds};
	if (!ds)
		return CertSrvBackupPrepareW(NULL, 0,
			type == ESE_FULL ? CSBACKUP_TYPE_FULL : CSBACKUP_TYPE_LOGS_ONLY,
			&session->handle);
	ck_assert_int_eq(type, ESE_FULL);
	hr = DsBackupPrepareA(NULL, 0, BACKUP_TYPE_FULL, &token, &size, &session->handle);
	if (SUCCEEDED((int32_t)hr))
		DsBackupFree(token);
	return hr;
}

void ese_end(struct ese_session *session)
{
	if (session->ds)
		WORKS(DsBackupEnd(session->handle));
	else
		WORKS(CertSrvBackupEnd(session->handle));
	session->handle = NULL;
}

static HRESULT open_file(
	const struct ese_session *session, const char *path, LARGE_INTEGER *size)
{
	WCHAR *wide;
	HRESULT hr;

	if (session->ds)
		return DsBackupOpenFileA(session->handle, path, DS_PIECE, size);
	wide = widen(path);
	hr = CertSrvBackupOpenFileW(session->handle, wide, 0, size);
	free(wide);
	return hr;
}

/* *GOT 0: the end. */
static HRESULT read_piece(
	const struct ese_session *session, void *buffer, size_t piece, DWORD *got)
{
	HRESULT hr;

	*got = POISON_SIZE;
	if (!session->ds)
		return CertSrvBackupRead(session->handle, buffer, (DWORD)piece, got);
	hr = DsBackupRead(session->handle, buffer, (DWORD)piece, got);
	return hr == ERROR_HANDLE_EOF ? S_OK : hr;
}

/* What a failed read left as the last error stays. */
static void close_file(const struct ese_session *session)
{
	const HRESULT hr = session->ds ? DsBackupClose(session->handle)
				       : CertSrvBackupClose(session->handle);

	ck_assert_int_eq(hr, S_OK);
}

HRESULT ese_fetch(const struct ese_session *session, const char *path, size_t piece,
	uint8_t **data, size_t *size)
{
	LARGE_INTEGER length = {.QuadPart = -1};
	HRESULT hr = open_file(session, path, &length);
	DWORD got;

	*size = 0;
	*data = NULL;
	if (hr != S_OK)
		return hr;
	*data = malloc((size_t)length.QuadPart + piece);
	ck_assert_ptr_nonnull(*data);
	do {
		hr = read_piece(session, *data + *size, piece, &got);
		if (hr != S_OK)
			ck_assert_uint_eq(got, 0);
		*size += got;
	} while (hr == S_OK && got > 0);
	if (hr == S_OK)
		ck_assert_int_eq((LONGLONG)*size, length.QuadPart);
	close_file(session);
	return hr;
}

/* ---- lists ---- */

static struct names take_narrow(char *list, char tag)
{
	struct names names = {0};

	for (const char *p = list; *p; p += strlen(p) + 1) {
		ck_assert_int_eq(*p, tag);
		ck_assert_int_eq(names_add(&names, p + 1), STATUS_OK);
	}
	DsBackupFree(list);
	return names;
}

static struct names take_wide(WCHAR *list, char tag)
{
	struct names names = {0};

	for (const WCHAR *p = list; *p; p += wcslen(p) + 1) {
		char *text;

		ck_assert(*p == (WCHAR)tag);
		ck_assert_int_eq(text_from_wide(p + 1, &text), STATUS_OK);
		ck_assert_int_eq(names_take(&names, text), STATUS_OK);
	}
	CertSrvBackupFree(list);
	return names;
}

struct names ese_databases(const struct ese_session *session)
{
	WCHAR *wide;
	DWORD size;
	char *list;

	if (session->ds) {
		WORKS(DsBackupGetDatabaseNamesA(session->handle, &list, &size));
		return take_narrow(list, 'D');
	}
	WORKS(CertSrvBackupGetDatabaseNamesW(session->handle, &wide, &size));
	return take_wide(wide, 'D');
}

struct names ese_logs(const struct ese_session *session)
{
	WCHAR *wide;
	DWORD size;
	char *list;

	if (session->ds) {
		WORKS(DsBackupGetBackupLogsA(session->handle, &list, &size));
		return take_narrow(list, '!');
	}
	WORKS(CertSrvBackupGetBackupLogsW(session->handle, &wide, &size));
	return take_wide(wide, '!');
}

/* ---- whole backups ---- */

static void deliver_one(const struct ese_session *session, const char *path,
	const char *current, const char *set)
{
	size_t stem, size, expected_size;
	const bool part = log_part_split(path, &stem, NULL);
	uint8_t *expected = ese_store_read(part ? current : path, &expected_size), *data;
	HRESULT hr = ese_fetch(session, path, DS_PIECE, &data, &size);

	ck_assert_msg(hr == S_OK, "%s: %s", path, backupapi_error_detail());
	ck_assert_uint_eq(size, expected_size);
	ck_assert(memcmp(data, expected, size) == 0);
	if (set) {
		char *copy = support_path(set, strrchr(path, '/') + 1);

		ese_store_write(copy, data, size);
		free(copy);
	}
	free(data);
	free(expected);
}

static void deliver_list(const struct ese_session *session, struct names list,
	const char *current, const char *set)
{
	for (size_t i = 0; i < list.count; i++)
		deliver_one(session, list.items[i], current, set);
	names_free(&list);
}

void ese_deliver(const struct ese_session *session, enum ese_type type,
	const char *current, const char *set)
{
	if (type == ESE_FULL)
		deliver_list(session, ese_databases(session), current, set);
	deliver_list(session, ese_logs(session), current, set);
}

static const char *find_current(void)
{
	static char path[4096];
	char *conf = getenv("BACKUPAPI_CONFIG_DIR");

	(void)snprintf(path, sizeof(path), "%s/../data/edb.log", conf);
	return path;
}

void ese_back_up(bool ds, enum ese_type type, bool truncate, const char *set)
{
	struct ese_session session;
	HRESULT hr = ese_begin(ds, type, &session);

	ck_assert_msg(hr == S_OK, "%s", backupapi_error_detail());
	ese_deliver(&session, type, find_current(), set);
	if (truncate && ds)
		WORKS(DsBackupTruncateLogs(session.handle));
	else if (truncate)
		WORKS(CertSrvBackupTruncateLogs(session.handle));
	ese_end(&session);
}

void ese_detail_has(const char *part)
{
	ck_assert_msg(strstr(backupapi_error_detail(), part) != NULL,
		"no \"%s\" in \"%s\"", part, backupapi_error_detail());
}

/* ---- restores ---- */

char *ese_site_directory(const struct ese_site *site, const char *name)
{
	return make_dir(site->dir, name);
}

void *ese_restore_begin(void)
{
	return begin_restore();
}

void ese_restore_stage(const char *set, const char *place)
{
	char *from = support_path(set, strrchr(place, '/') + 1), *slash;
	char *to = backupapi_restore_staging_path(place);
	size_t size;
	uint8_t *data = ese_store_read(from, &size);

	ck_assert_ptr_nonnull(to);
	slash = strrchr(to, '/');
	*slash = '\0';
	(void)mkdir(to, 0700);
	*slash = '/';
	ese_store_write(to, data, size);
	backupapi_free(to);
	free(data);
	free(from);
}

void ese_restore_full(const struct ese_site *site, void *handle, const char *set,
	const char *const *names, uint32_t low, uint32_t high)
{
	CSEDB_RSTMAPW map[8];
	WCHAR *logs = widen(set);
	LONG count = 0;

	for (; names[count]; count++) {
		ck_assert_int_lt(count, 8);
		map[count].pwszDatabaseName = widen(ese_site_path(site, names[count]));
		map[count].pwszNewDatabaseName = widen(ese_site_path(site, names[count]));
	}
	WORKS(CertSrvRestoreRegisterW(handle, NULL, NULL, map, count, logs, low, high));
	for (LONG i = 0; i < count; i++) {
		ese_restore_stage(set, ese_site_path(site, names[i]));
		free(map[i].pwszDatabaseName);
		free(map[i].pwszNewDatabaseName);
	}
	free(logs);
}

void ese_restore_incremental(void *handle, const char *set, uint32_t low, uint32_t high)
{
	WCHAR *logs = widen(set);

	WORKS(CertSrvRestoreRegisterW(handle, NULL, NULL, NULL, 0, logs, low, high));
	free(logs);
}

HRESULT ese_restore_recover(void *handle)
{
	WORKS(CertSrvRestoreRegisterComplete(handle, S_OK));
	WORKS(CertSrvRestoreEnd(handle));
	return backupapi_recover(NULL);
}

bool ese_site_was_replaced(const struct ese_site *site, const char *name)
{
	char pattern[4096];
	glob_t found;
	int rc;

	(void)snprintf(pattern, sizeof(pattern), "%s/replaced-*%s", site->state,
		ese_site_path(site, name));
	rc = glob(pattern, 0, NULL, &found);
	globfree(&found);
	return rc == 0;
}
