#include "common/dynamic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/report.h"
#include "common/same.h"
#include "common/signals.h"
#include "common/trusted.h"

#define TRIES 5

struct live {
	int fd;
	const char *path;
};

static bool read_live(void *context, void *buffer, size_t size, size_t *got)
{
	const struct live *live = context;
	ssize_t n;

	do
		n = read(live->fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return report_errno(errno, live->path);
	*got = (size_t)n;
	return true;
}

enum outcome { SAVED, CHANGED, GONE, FAILED_FOR_GOOD };

static enum outcome save_once(struct set_writer *w, const char *path)
{
	struct live live = {.path = path};
	struct source source = {.read = read_live, .context = &live};
	struct stat before, after;
	enum outcome outcome = FAILED_FOR_GOOD;

	live.fd = trusted_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (live.fd < 0)
		return errno == ENOENT ? GONE : FAILED_FOR_GOOD;
	if (fstat(live.fd, &before) != 0)
		report_errno(errno, path);
	else if (!S_ISREG(before.st_mode))
		report_problem(ERROR_INVALID_DATA, path, "not a regular file");
	else if (set_writer_add(w, ITEM_DYNAMIC, path, live.fd, &source)) {
		if (fstat(live.fd, &after) != 0)
			report_errno(errno, path);
		else
			outcome = same_file(&before, &after) ? SAVED : CHANGED;
	}
	close(live.fd);
	return outcome;
}

static bool save(struct set_writer *w, const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		switch (save_once(w, path)) {
		case SAVED:
			return true;
		case GONE:
			report_plain("%s: vanished while the backup ran; left out", path);
			return true;
		case FAILED_FOR_GOOD:
			return false;
		case CHANGED:
			if (!set_writer_forget_last(w))
				return false;
		}
	}
	return report_problem(
		ERROR_SHARING_VIOLATION, path, "changes whenever it is read");
}

bool dynamic_save(struct set_writer *w, const struct listing *files)
{
	for (size_t i = 0; i < files->count; i++)
		if (signals_caught() || !save(w, files->items[i].path))
			return false;
	return true;
}

bool directory_size(const char *path, uint64_t *total)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	if (!stream)
		return false;
	while ((entry = readdir(stream))) {
		struct stat st;

		if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			S_ISREG(st.st_mode))
			*total += (uint64_t)st.st_size;
	}
	closedir(stream);
	return true;
}
