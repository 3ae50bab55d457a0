/* Reading directories. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"

static bool is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static status read_entries(DIR *stream, const char *path, struct names *names)
{
	status rc = STATUS_OK;

	while (!failed(rc)) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? status_errno(errno, "%s", path) : STATUS_OK;
		if (!is_self_or_parent(entry->d_name))
			rc = names_add(names, entry->d_name);
	}
	return rc;
}

/* Through a description of its own: DIRFD's has a position that others may have moved. */
status file_list_dir(int dirfd, const char *path, struct names *names)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	status rc;

	if (fd < 0 && errno == ENOENT) /* it was removed */
		return STATUS_OK;
	if (!stream) {
		rc = status_errno(errno, "%s", path);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	rc = read_entries(stream, path, names);
	(void)closedir(stream);
	names_sort(names);
	return rc;
}
