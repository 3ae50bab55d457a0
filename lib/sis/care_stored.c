#include "sis/care_stored.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "base/file_temporary.h"
#include "sis/store_lock.h"

#define SISBACKUP_PARTIAL ".sisbackup.partial"

/* ---- names ---- */

static bool ends_in(const char *name, const char *suffix)
{
	const size_t length = strlen(name), end = strlen(suffix);

	return length > end && strcmp(name + length - end, suffix) == 0;
}

/* A GUID in its canonical spelling, and SUFFIX. */
static bool parse(const char *name, const char *suffix, uuid_t guid)
{
	char as_file[STORE_FILE_NAME_SIZE], canonical[STORE_FILE_NAME_SIZE];

	if (strlen(name) != STORE_GUID_LENGTH + strlen(suffix) || !ends_in(name, suffix))
		return false;
	memcpy(as_file, name, STORE_GUID_LENGTH);
	memcpy(as_file + STORE_GUID_LENGTH, STORE_FILE_SUFFIX, sizeof(STORE_FILE_SUFFIX));
	if (!store_parse_name(as_file, guid))
		return false;
	store_file_name(guid, canonical);
	return strcmp(as_file, canonical) == 0;
}

/* What sisbackup restores into the store, until it is complete. */
static bool is_sisbackups(const char *name)
{
	return strncmp(name, SISBACKUP_PARTIAL, strlen(SISBACKUP_PARTIAL)) == 0;
}

static bool is_temporary(const char *name)
{
	return name[0] == '.' &&
	       (ends_in(name, FILE_TEMPORARY_SUFFIX) || is_sisbackups(name));
}

static bool is_lone_sum(const struct store *store, const char *name)
{
	char file[STORE_FILE_NAME_SIZE];
	struct stat st;
	uuid_t guid;

	if (!parse(name, STORE_SUM_SUFFIX, guid))
		return false;
	store_file_name(guid, file);
	return fstatat(store->fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
	       errno == ENOENT && !store_is_aside(store, guid);
}

/* ---- reading ---- */

static status add_file(
	const struct store *store, const uuid_t guid, struct stored_files *files)
{
	struct stored_file *file = calloc(1, sizeof(*file));
	struct stat st;
	status rc;

	if (!file)
		return status_no_memory();
	uuid_copy(file->guid, guid);
	file->regular = !failed(store_stat(store, guid, &st));
	if (file->regular)
		file->size = (uint64_t)st.st_size;
	rc = guid_table_add(&files->by_guid, guid, file);
	if (failed(rc))
		free(file);
	return rc;
}

struct found {
	struct stored_files *files;
	struct names aside;
};

static status add_entry(const struct store *store, const char *name, struct found *found)
{
	struct stored_files *files = found->files;
	uuid_t guid;

	if (parse(name, STORE_FILE_SUFFIX, guid))
		return add_file(store, guid, files);
	if (parse(name, STORE_ASIDE_SUFFIX, guid))
		return names_add(&found->aside, name);
	if (parse(name, STORE_DAMAGED_SUFFIX, guid))
		return names_add(&files->damaged, name);
	if (is_temporary(name) || is_lone_sum(store, name))
		return names_add(&files->leftovers, name);
	return STATUS_OK;
}

static status read_entries(const struct store *store, DIR *stream, struct found *found)
{
	status rc = STATUS_OK;

	while (!failed(rc)) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? step_errno(errno, store->fd, ".") : STATUS_OK;
		rc = add_entry(store, entry->d_name, found);
	}
	return rc;
}

/* Two files of one GUID: the one that has its name is the one that was used. */
static status add_aside(
	const struct store *store, const char *name, struct stored_files *files)
{
	uuid_t guid;
	status rc;

	(void)parse(name, STORE_ASIDE_SUFFIX, guid);
	if (stored_files_find(files, guid))
		return names_add(&files->leftovers, name);
	rc = store_bring_back(store, guid);
	return failed(rc) ? rc : add_file(store, guid, files);
}

/* A gc that ended early set them aside; one that runs now would be in the way of a pin. */
static status bring_back(const struct store *store, const struct found *found)
{
	status rc = STATUS_OK;

	if (store->lock.fd < 0)
		return STATUS_OK;
	for (size_t i = 0; !failed(rc) && i < found->aside.count; i++)
		rc = add_aside(store, found->aside.items[i], found->files);
	return rc;
}

status stored_files_read(const struct care_run *run, struct stored_files *files)
{
	const struct store *store = run->store;
	struct found found = {.files = files};
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream;
	status rc;

	if (fd < 0)
		return step_errno(errno, store->fd, ".");
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return status_no_memory();
	}
	rc = read_entries(store, stream, &found);
	(void)closedir(stream);
	if (!failed(rc))
		rc = bring_back(store, &found);
	names_free(&found.aside);
	run->care->summary->store_files = files->by_guid.count;
	return rc;
}

struct stored_file *stored_files_find(const struct stored_files *files, const uuid_t guid)
{
	void **found = guid_table_find(&files->by_guid, guid);

	return found ? *found : NULL;
}

void stored_files_free(struct stored_files *files)
{
	size_t i = 0;

	for (void *file; (file = guid_table_next(&files->by_guid, &i)) != NULL;)
		free(file);
	guid_table_free(&files->by_guid);
	names_free(&files->leftovers);
	names_free(&files->damaged);
}

status stored_files_each(struct care_run *run, const struct stored_files *files,
	status (*do_each)(struct care_run *run, void *context, struct stored_file *file),
	void *context)
{
	struct stored_file *file;
	status rc = STATUS_OK;
	size_t i = 0;

	while (!failed(rc) && (file = guid_table_next(&files->by_guid, &i)) != NULL)
		rc = do_each(run, context, file);
	return rc;
}

static status report_damaged(struct care_run *run, const char *name)
{
	struct stat st;
	char *path;
	status rc;

	if (fstatat(run->store->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? STATUS_OK
				       : step_errno(errno, run->store->fd, name);
	path = care_store_path(name);
	if (!path)
		return status_no_memory();
	run->care->summary->orphaned++;
	rc = care_tell(
		run, BACKUPAPI_SIS_ORPHANED, path, NULL, NULL, (uint64_t)st.st_size);
	free(path);
	return rc;
}

status stored_files_report_damaged(struct care_run *run, const struct stored_files *files)
{
	status rc = STATUS_OK;

	for (size_t i = 0; !failed(rc) && i < files->damaged.count; i++)
		rc = report_damaged(run, files->damaged.items[i]);
	return rc;
}

/* A file that is aside and has a successor: a restore pass that asked for it crashed. */
static status tidy(const struct store *store, const char *name)
{
	uuid_t guid;

	return parse(name, STORE_ASIDE_SUFFIX, guid) ? store_settle_aside(store, guid)
						     : file_remove_at(store->fd, name);
}

status stored_files_tidy(const struct care_run *run, const struct names *leftovers)
{
	status rc = STATUS_OK;

	for (size_t i = 0; !failed(rc) && i < leftovers->count; i++)
		rc = tidy(run->store, leftovers->items[i]);
	return rc;
}
