#include "ds_form.h"

#include <wchar.h>

#include "base/text.h"

/* ---- text for the W forms ---- */

/* Characters that libraries do not check are let through as they came, so that hostile
 * text reaches both forms. NULL stays NULL. */
static WCHAR *widen(const char *text)
{
	WCHAR *wide;

	if (!text)
		return NULL;
	wide = calloc(text_wide_length(text) + 1, sizeof(*wide));
	ck_assert_ptr_nonnull(wide);
	(void)text_to_wide(text, wide);
	return wide;
}

/* ---- the W forms ---- */

static HRESULT wide_online(const char *server, BOOL *online)
{
	WCHAR *wide = widen(server);
	HRESULT hr = DsIsNTDSOnlineW(wide, online);

	free(wide);
	return hr;
}

static HRESULT wide_prepare(
	const char *server, ULONG grbit, ULONG type, PVOID *token, LPDWORD size, HBC *hbc)
{
	WCHAR *wide = widen(server);
	HRESULT hr = DsBackupPrepareW(wide, grbit, type, token, size, hbc);

	free(wide);
	return hr;
}

static HRESULT wide_names(HBC hbc, void **list, LPDWORD size)
{
	return DsBackupGetDatabaseNamesW(hbc, (LPWSTR *)list, size);
}

static HRESULT wide_logs(HBC hbc, void **list, LPDWORD size)
{
	return DsBackupGetBackupLogsW(hbc, (LPWSTR *)list, size);
}

static HRESULT wide_open(HBC hbc, const char *name, DWORD hint, LARGE_INTEGER *size)
{
	WCHAR *wide = widen(name);
	HRESULT hr = DsBackupOpenFileW(hbc, wide, hint, size);

	free(wide);
	return hr;
}

static HRESULT wide_restore_prepare(
	const char *server, ULONG flag, PVOID token, DWORD size, HBC *hbc)
{
	WCHAR *wide = widen(server);
	HRESULT hr = DsRestorePrepareW(wide, flag, token, size, hbc);

	free(wide);
	return hr;
}

static HRESULT wide_locations(HBC hbc, void **list, LPDWORD size)
{
	return DsRestoreGetDatabaseLocationsW(hbc, (LPWSTR *)list, size);
}

static EDB_RSTMAPW *widen_map(const EDB_RSTMAPA *map, size_t count)
{
	EDB_RSTMAPW *wide;

	if (!map)
		return NULL;
	wide = calloc(count + 1, sizeof(*wide));
	ck_assert_ptr_nonnull(wide);
	for (size_t i = 0; i < count; i++) {
		wide[i].wszDatabaseName = widen(map[i].szDatabaseName);
		wide[i].wszNewDatabaseName = widen(map[i].szNewDatabaseName);
	}
	return wide;
}

static void free_map(EDB_RSTMAPW *map, size_t count)
{
	for (size_t i = 0; map && i < count; i++) {
		free(map[i].wszDatabaseName);
		free(map[i].wszNewDatabaseName);
	}
	free(map);
}

static HRESULT wide_register(HBC hbc, const char *checkpoint_path, const char *log_path,
	const EDB_RSTMAPA *map, LONG count, const char *backup_log_path, ULONG low,
	ULONG high)
{
	const size_t entries = map && count > 0 ? (size_t)count : 0;
	EDB_RSTMAPW *wide = widen_map(map, entries);
	WCHAR *checkpoint = widen(checkpoint_path), *log = widen(log_path);
	WCHAR *backup_log = widen(backup_log_path);
	HRESULT hr = DsRestoreRegisterW(
		hbc, checkpoint, log, wide, count, backup_log, low, high);

	free_map(wide, entries);
	free(checkpoint);
	free(log);
	free(backup_log);
	return hr;
}

static HRESULT wide_set_current_log(const char *server, DWORD generation)
{
	WCHAR *wide = widen(server);
	HRESULT hr = DsSetCurrentBackupLogW(wide, generation);

	free(wide);
	return hr;
}

static HRESULT wide_set_identity(
	const char *user, const char *domain, const char *password)
{
	WCHAR *u = widen(user), *d = widen(domain), *p = widen(password);
	HRESULT hr = DsSetAuthIdentityW(u, d, p);

	if (p)
		explicit_bzero(p, wcslen(p) * sizeof(*p));
	free(u);
	free(d);
	free(p);
	return hr;
}

/* ---- the A forms: what has the type of neither ---- */

static HRESULT narrow_names(HBC hbc, void **list, LPDWORD size)
{
	return DsBackupGetDatabaseNamesA(hbc, (LPSTR *)list, size);
}

static HRESULT narrow_logs(HBC hbc, void **list, LPDWORD size)
{
	return DsBackupGetBackupLogsA(hbc, (LPSTR *)list, size);
}

static HRESULT narrow_locations(HBC hbc, void **list, LPDWORD size)
{
	return DsRestoreGetDatabaseLocationsA(hbc, (LPSTR *)list, size);
}

/* The library may not write to the map. */
static HRESULT narrow_register(HBC hbc, const char *checkpoint_path, const char *log_path,
	const EDB_RSTMAPA *map, LONG count, const char *backup_log_path, ULONG low,
	ULONG high)
{
	const size_t size = map && count > 0 ? (size_t)count * sizeof(*map) : 0;
	EDB_RSTMAPA *copy = map ? malloc(size + 1) : NULL;
	HRESULT hr;

	if (size)
		memcpy(copy, map, size);
	hr = DsRestoreRegisterA(
		hbc, checkpoint_path, log_path, copy, count, backup_log_path, low, high);
	if (size)
		ck_assert_mem_eq(copy, map, size);
	free(copy);
	return hr;
}

const struct ds_form ds_forms[DS_FORMS] = {
	{"A", sizeof(char), DsIsNTDSOnlineA, DsBackupPrepareA, narrow_names, narrow_logs,
		DsBackupOpenFileA, DsRestorePrepareA, narrow_locations, narrow_register,
		DsSetCurrentBackupLogA, DsSetAuthIdentityA},
	{"W", sizeof(WCHAR), wide_online, wide_prepare, wide_names, wide_logs, wide_open,
		wide_restore_prepare, wide_locations, wide_register, wide_set_current_log,
		wide_set_identity},
};

/* ---- lists ---- */

static struct ds_name narrow_name(const char **p)
{
	struct ds_name name = {(unsigned char)**p, strdup(*p + 1)};

	ck_assert_ptr_nonnull(name.name);
	*p += strlen(*p) + 1;
	return name;
}

static struct ds_name wide_name(const WCHAR **p)
{
	struct ds_name name = {(unsigned)**p, NULL};

	ck_assert_int_eq(text_from_wide(*p + 1, &name.name), STATUS_OK);
	*p += wcslen(*p) + 1;
	return name;
}

static void append(struct ds_names *names, struct ds_name name)
{
	names->items =
		reallocarray(names->items, names->count + 1, sizeof(*names->items));
	ck_assert_ptr_nonnull(names->items);
	names->items[names->count++] = name;
}

struct ds_names ds_take(const struct ds_form *form, void *list, DWORD size)
{
	struct ds_names names = {NULL, 0};
	const char *narrow = list;
	const WCHAR *wide = list;
	size_t characters;

	ck_assert_ptr_nonnull(list);
	if (form->character == sizeof(char)) {
		while (*narrow)
			append(&names, narrow_name(&narrow));
		characters = (size_t)(narrow - (const char *)list);
		ck_assert_int_eq(narrow[names.count ? 0 : 1], 0);
	} else {
		while (*wide)
			append(&names, wide_name(&wide));
		characters = (size_t)(wide - (const WCHAR *)list);
		ck_assert_int_eq(wide[names.count ? 0 : 1], 0);
	}
	characters += names.count ? 1 : 2;
	ck_assert_uint_eq(size, characters * form->character);
	DsBackupFree(list);
	return names;
}

void ds_names_free(struct ds_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (struct ds_names){NULL, 0};
}

bool ds_has(const struct ds_names *names, unsigned tag, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (names->items[i].tag == tag && strcmp(names->items[i].name, name) == 0)
			return true;
	return false;
}

static struct ds_names get_list(const struct ds_form *form, ds_list *get, HBC hbc)
{
	void *list = POISON;
	DWORD size = POISON_SIZE;

	WORKS(get(hbc, &list, &size));
	return ds_take(form, list, size);
}

struct ds_names ds_databases(const struct ds_form *form, HBC hbc)
{
	return get_list(form, form->names, hbc);
}

struct ds_names ds_logs(const struct ds_form *form, HBC hbc)
{
	return get_list(form, form->logs, hbc);
}

struct ds_names ds_locations(const struct ds_form *form, HBC hbc)
{
	return get_list(form, form->locations, hbc);
}

/* ---- sessions ---- */

HBC ds_begin_token(const struct ds_form *form, void **token, DWORD *size)
{
	HBC hbc = POISON;

	*token = POISON;
	*size = POISON_SIZE;
	WORKS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, token, size, &hbc));
	ck_assert_ptr_nonnull(hbc);
	ck_assert_ptr_nonnull(*token);
	ck_assert_uint_gt(*size, 0);
	return hbc;
}

HBC ds_begin(const struct ds_form *form)
{
	void *token;
	DWORD size;
	HBC hbc = ds_begin_token(form, &token, &size);

	DsBackupFree(token);
	return hbc;
}

void *ds_token(DWORD *size)
{
	void *token;
	HBC hbc = ds_begin_token(&ds_forms[0], &token, size);

	WORKS(DsBackupEnd(hbc));
	return token;
}

HBC ds_begin_restore(const struct ds_form *form)
{
	HBC hbc = POISON;
	DWORD size;
	void *token = ds_token(&size);

	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, NULL));
	WORKS(form->restore_prepare(NULL, 0, token, size, &hbc));
	ck_assert_ptr_nonnull(hbc);
	DsBackupFree(token);
	return hbc;
}

char *ds_stream(const struct ds_form *form, HBC hbc, const char *name, size_t *size)
{
	LARGE_INTEGER length = {.QuadPart = -1};
	DWORD got = POISON_SIZE;
	size_t used = 0;
	char *content;
	HRESULT hr;

	WORKS(form->open(hbc, name, DS_READ_SIZE, &length));
	ck_assert_int_ge(length.QuadPart, 0);
	content = malloc((size_t)length.QuadPart + DS_READ_SIZE + 1);
	ck_assert_ptr_nonnull(content);
	while ((hr = DsBackupRead(hbc, content + used, DS_READ_SIZE, &got)) == S_OK) {
		ck_assert_uint_gt(got, 0);
		used += got;
		ck_assert_uint_le(used, (size_t)length.QuadPart);
		got = POISON_SIZE;
	}
	ck_assert_int_eq(hr, ERROR_HANDLE_EOF);
	ck_assert_uint_eq(got, 0);
	ck_assert_uint_eq(used, (size_t)length.QuadPart);
	content[used] = '\0';
	WORKS(DsBackupClose(hbc));
	if (size)
		*size = used;
	return content;
}

/* Of the A form: bytes that are no UTF-8 are in its names as they are. */
static void check_against_store(
	const struct ds_form *form, const char *name, const char *content)
{
	WCHAR *wide = widen(name);
	char *path = form->character == sizeof(char) ? backupapi_path_from_name_a(name)
						     : backupapi_path_from_name(wide);
	char *expected;

	ck_assert_msg(path != NULL, "%s: %s", name, backupapi_error_detail());
	expected = support_read(path);
	ck_assert_str_eq(content, expected);
	free(expected);
	free(wide);
	backupapi_free(path);
}

void ds_deliver(const struct ds_form *form, HBC hbc)
{
	struct ds_names names = ds_databases(form, hbc);

	for (size_t i = 0; i < names.count; i++) {
		char *content = ds_stream(form, hbc, names.items[i].name, NULL);

		check_against_store(form, names.items[i].name, content);
		free(content);
	}
	ds_names_free(&names);
	names = ds_logs(form, hbc);
	for (size_t i = 0; i < names.count; i++)
		free(ds_stream(form, hbc, names.items[i].name, NULL));
	ds_names_free(&names);
}
