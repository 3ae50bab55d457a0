#include "sisbackup/pass.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <backupapi/sis.h>
#include <sisbkup.h>

#include "common/report.h"
#include "common/str.h"

struct pass {
	void *structure;
	bool restoring;
	WCHAR *store; /* full name of the common store */
};

/* Of a function that returned FALSE. */
static bool failed(const char *what)
{
	return report_call((int32_t)HRESULT_FROM_WIN32(backupapi_get_last_error()), what);
}

/* One function or the other: they look the same. */
typedef BOOL (*create_function)(PWCHAR, PVOID *, PWCHAR *, PULONG, PWCHAR **);

/* The last part of a full name, which is of ASCII letters in the common store. */
static char *base_name(const WCHAR *full)
{
	const WCHAR *slash = wcsrchr(full, L'/');
	const WCHAR *from = slash ? slash + 1 : full;
	char *name = xmalloc(wcslen(from) + 1);

	for (size_t i = 0; from[i]; i++)
		name[i] = from[i] < 0x80 ? (char)from[i] : '?';
	return name;
}

static void take_names(WCHAR **names, ULONG count, struct strings *files)
{
	for (ULONG i = 0; i < count; i++) {
		strings_take(files, base_name(names[i]));
		SisFreeAllocatedMemory(names[i]);
	}
	SisFreeAllocatedMemory(names);
}

static bool begin(
	const char *root, bool restoring, struct pass **pass, struct strings *files)
{
	const create_function create =
		restoring ? SisCreateRestoreStructure : SisCreateBackupStructure;
	struct pass *p = xmalloc(sizeof(*p));
	WCHAR *wide = str_widen(root), **names = NULL;
	ULONG count = 0;
	BOOL ok = create(wide, &p->structure, &p->store, &count, &names);

	free(wide);
	if (!ok) {
		free(p);
		*pass = NULL;
		return !restoring && backupapi_get_last_error() == ERROR_PATH_NOT_FOUND
			       ? true
			       : failed(root);
	}
	p->restoring = restoring;
	take_names(names, count, files);
	*pass = p;
	return true;
}

bool pass_begin_backup(const char *root, struct pass **pass, struct strings *files)
{
	return begin(root, false, pass, files);
}

bool pass_begin_restore(const char *root, struct pass **pass, struct strings *files)
{
	return begin(root, true, pass, files);
}

/* The only name, or none. */
static char *take_name(WCHAR **names, ULONG count)
{
	struct strings list = {0};
	char *name = NULL;

	take_names(names, count, &list);
	if (list.count > 0)
		name = xstrdup(list.items[0]);
	strings_free(&list);
	return name;
}

/* The functions do not write into the buffer, whatever their type says. */
static void *unconst(const void *data)
{
	void *pointer;

	memcpy(&pointer, &data, sizeof(pointer));
	return pointer;
}

bool pass_reparse_point(struct pass *pass, int fd, const char *path,
	unsigned char buffer[REPARSE_LIMIT], uint32_t *size, bool *is_link)
{
	int32_t rc = backupapi_sis_get_reparse_point_fd(
		pass->structure, fd, path, buffer, REPARSE_LIMIT, size);

	*is_link = !FAILED(rc);
	return *is_link || rc == HRESULT_FROM_WIN32(ERROR_NOT_A_REPARSE_POINT) ||
	       report_call(rc, path);
}

bool pass_link_to_save(struct pass *pass, const char *path, const void *reparse,
	size_t size, void *context, void **first, char **store_file)
{
	WCHAR **names = NULL;
	ULONG count = 0;

	if (!SisCSFilesToBackupForLink(pass->structure, unconst(reparse), (ULONG)size,
		    context, first, &count, &names))
		return failed(path);
	*store_file = take_name(names, count);
	return true;
}

bool pass_set_bare(struct pass *pass)
{
	int32_t rc = backupapi_sis_set_bare_links(pass->structure, 1);

	return !FAILED(rc) || report_call(rc, "");
}

bool pass_restored_link(struct pass *pass, int fd, const char *path, const void *reparse,
	size_t size, char **store_file)
{
	char name[BACKUPAPI_SIS_STORE_NAME_SIZE];
	int32_t rc = backupapi_sis_restored_link_fd(
		pass->structure, fd, path, reparse, (uint32_t)size, name);

	if (FAILED(rc))
		return report_call(rc, path);
	*store_file = *name ? xstrdup(name) : NULL;
	return true;
}

bool pass_restored_store_file(struct pass *pass, const char *name)
{
	WCHAR *wide_name = str_widen(name);
	size_t store = wcslen(pass->store), length = wcslen(wide_name);
	WCHAR *full = xmalloc((store + length + 2) * sizeof(*full));
	BOOL ok;

	wmemcpy(full, pass->store, store);
	full[store] = L'/';
	wmemcpy(full + store + 1, wide_name, length);
	ok = SisRestoredCommonStoreFile(pass->structure, full);
	free(full);
	free(wide_name);
	return ok || failed(name);
}

bool pass_end(struct pass *pass)
{
	BOOL ok;

	if (!pass)
		return true;
	ok = pass->restoring ? SisFreeRestoreStructure(pass->structure)
			     : SisFreeBackupStructure(pass->structure);
	SisFreeAllocatedMemory(pass->store);
	free(pass);
	return ok || failed("links");
}
