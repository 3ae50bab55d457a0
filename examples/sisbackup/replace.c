/*
 * Whoever restores holds the volume's root directory locked, shared; who gets it for
 * himself knows that nobody uses what lies about. The lock keeps nobody from anything:
 * every user can take it.
 */
#include "sisbackup/replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define PARTIAL    ".sisbackup.partial-"
#define LOCK_TRIES 100
#define REPLACED   ".sisbackup.replaced-"

static char *random_name(const char *prefix)
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
		report_errno(errno, "random numbers");
		return NULL;
	}
	return xasprintf("%s%016llx", prefix, number);
}

char *replace_temporary(void)
{
	return random_name(PARTIAL);
}

/* ---- into place ---- */

static bool not_here(int err)
{
	return err == EINVAL || err == ENOSYS || err == ENOTSUP;
}

static int publish_new(int dirfd, const char *temporary, const char *name)
{
	if (renameat2(dirfd, temporary, dirfd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (!not_here(errno))
		return errno;
	return renameat(dirfd, temporary, dirfd, name) == 0 ? 0 : errno;
}

/* Two names of one file: the system leaves both. */
static int publish_over(int dirfd, const char *temporary, const char *name)
{
	if (renameat(dirfd, temporary, dirfd, name) != 0)
		return errno;
	return unlinkat(dirfd, temporary, 0) == 0 || errno == ENOENT ? 0 : errno;
}

/* What NAME was, which is TEMPORARY now, becomes KEPT; or all is as it was. */
static int keep_exchanged(
	int dirfd, const char *temporary, const char *name, const char *kept)
{
	struct stat st;
	int err = 0;

	if (fstatat(dirfd, temporary, &st, AT_SYMLINK_NOFOLLOW) != 0)
		err = errno;
	else if (S_ISDIR(st.st_mode))
		err = EISDIR;
	else if (renameat(dirfd, temporary, dirfd, kept) != 0)
		err = errno;
	if (err)
		(void)renameat2(dirfd, temporary, dirfd, name, RENAME_EXCHANGE);
	return err;
}

/* NAME becomes KEPT. In one step where the system can, so that NAME is always there. */
static int exchange(int dirfd, const char *temporary, const char *name, const char *kept)
{
	int err;

	if (renameat2(dirfd, temporary, dirfd, name, RENAME_EXCHANGE) == 0)
		return keep_exchanged(dirfd, temporary, name, kept);
	if (!not_here(errno))
		return errno;
	if (renameat(dirfd, name, dirfd, kept) != 0)
		return errno;
	if (renameat(dirfd, temporary, dirfd, name) == 0)
		return 0;
	err = errno;
	return renameat(dirfd, kept, dirfd, name) == 0 ? err : errno;
}

static int publish_keeping(struct restore *r, int dirfd, const char *temporary,
	const char *name, const char *path)
{
	char *kept = random_name(REPLACED);
	int err = kept ? exchange(dirfd, temporary, name, kept) : EAGAIN;

	if (err == 0) {
		strings_take(&r->replaced, xstrdup(path));
		strings_take(
			&r->kept, xasprintf("%.*s%s", (int)(strlen(path) - strlen(name)),
					  path, kept));
	}
	free(kept);
	return err;
}

int replace_publish(
	struct restore *r, int dirfd, const char *temporary, const char *path, bool keep)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const bool may_replace =
		r->options->given & OPTION_FORCE || path_is_below(path, STORE_DIRECTORY);
	struct stat st;
	int err = EEXIST;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		err = errno == ENOENT ? publish_new(dirfd, temporary, name) : errno;
	/* It may have come just now. */
	if (err != EEXIST || !may_replace)
		return err;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return keep ? publish_keeping(r, dirfd, temporary, name, path)
		    : publish_over(dirfd, temporary, name);
}

/* ---- at the end ---- */

static bool settle(struct restore *r, const char *path, const char *kept)
{
	const char *kept_name, *name;
	struct stat st;
	char *label;
	int dirfd = tree_parent(&r->tree, kept, false, &kept_name), err = 0;

	if (dirfd < 0)
		return false;
	name = path + (kept_name - kept);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		err = unlinkat(dirfd, kept_name, 0) == 0 ? 0 : errno;
	else
		err = errno == ENOENT ? publish_new(dirfd, kept_name, name) : errno;
	if (err == 0)
		return true;
	label = tree_label(&r->tree, kept);
	report_errno(err, label);
	free(label);
	return false;
}

bool replace_finish(struct restore *r)
{
	bool ok = true;

	for (size_t i = 0; i < r->replaced.count; i++)
		ok &= settle(r, r->replaced.items[i], r->kept.items[i]);
	return ok;
}

/* ---- what others left ---- */

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static void tell_replaced(const char *label, const char *name)
{
	char *path = xasprintf("%s/%s", label, name), *shown = str_display(path);

	report_note("%s: a file that a killed restore had replaced", shown);
	free(shown);
	free(path);
}

static void clean_directory(int dirfd, const char *label)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		report_errno(errno, label);
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream))) {
		if (begins_with(entry->d_name, PARTIAL))
			(void)unlinkat(fd, entry->d_name, 0);
		else if (begins_with(entry->d_name, REPLACED))
			tell_replaced(label, entry->d_name);
	}
	closedir(stream);
}

static void clean(struct restore *r, const char *directory)
{
	char *inside = *directory ? xasprintf("%s/x", directory) : xstrdup("x"), *label;
	struct stat st;
	const char *name;
	int dirfd;

	if (!*directory ||
		(tree_look(&r->tree, directory, &st) == 0 && S_ISDIR(st.st_mode))) {
		dirfd = tree_parent(&r->tree, inside, false, &name);
		label = *directory ? tree_label(&r->tree, directory) : xstrdup(r->root);
		if (dirfd >= 0)
			clean_directory(dirfd, label);
		free(label);
	}
	free(inside);
}

/* Without it the worst is that another takes a file away before it has its name, which is
 * reported. */
static void share_lock(int fd)
{
	const struct timespec moment = {.tv_nsec = 20000000};

	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_SH | LOCK_NB) != 0; i++)
		(void)nanosleep(&moment, NULL);
}

void replace_clean(struct restore *r)
{
	if (flock(r->fd, LOCK_EX | LOCK_NB) == 0) {
		clean(r, "");
		clean(r, STORE_DIRECTORY);
		for (size_t i = 0; i < r->set.catalog.count; i++) {
			const struct entry *entry = &r->set.catalog.items[i];

			if (entry->kind == ENTRY_DIRECTORY && strcmp(entry->path, ".") &&
				r->choices[i] != CHOICE_NO && !r->created[i])
				clean(r, entry->path);
		}
	}
	share_lock(r->fd);
}
