/*
 * The order: directories; files, links and the like; the store files that the links ask
 * for; the end of the pass, which gives links their content and vouches for them; and the
 * directories' attributes, which all of this changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "sisbackup/attributes.h"
#include "sisbackup/commands.h"
#include "sisbackup/fskind.h"
#include "sisbackup/rebind.h"
#include "sisbackup/replace.h"
#include "sisbackup/restore.h"

/* ---- the volume ---- */

static bool open_volume(struct restore *r, const char *root)
{
	r->root = realpath(root, NULL);
	if (!r->root)
		return report_errno(errno, root);
	if (!strcmp(r->root, "/"))
		*r->root = '\0';
	r->fd = open(*r->root ? r->root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return report_errno(errno, root);
	tree_init(&r->tree, r->fd, r->root);
	r->ntfs = fskind_is_ntfs(r->fd);
	return true;
}

/* The entry whose file another name of it stands for. */
static const struct entry *file_of(const struct restore *r, const struct entry *entry)
{
	return entry->kind == ENTRY_HARDLINK
		       ? catalog_find(&r->set.catalog, entry->target)
		       : entry;
}

static bool any_link(const struct restore *r)
{
	for (size_t i = 0; i < r->set.catalog.count; i++)
		if (r->choices[i] == CHOICE_YES &&
			file_of(r, &r->set.catalog.items[i])->kind == ENTRY_LINK)
			return true;
	return false;
}

/* ---- files ---- */

static bool restore_file(struct restore *r, const struct entry *entry)
{
	const struct entry *file = file_of(r, entry);
	size_t index = (size_t)(file - r->set.catalog.items);

	if (r->restored_as[index]) {
		if (!restore_name(r, r->restored_as[index], entry->path,
			    file->kind == ENTRY_LINK))
			return false;
		if (file->kind == ENTRY_LINK)
			strings_take(&r->links, xstrdup(entry->path));
		return true;
	}
	if (!restore_entry(r, file, entry->path))
		return false;
	r->restored_as[index] = entry->path;
	r->files++;
	r->bytes += entry_stored_size(file);
	return true;
}

static bool restore_files(struct restore *r)
{
	for (size_t i = 0; i < r->set.catalog.count; i++) {
		const struct entry *entry = &r->set.catalog.items[i];

		if (r->choices[i] != CHOICE_YES || entry->kind == ENTRY_DIRECTORY)
			continue;
		if (signals_caught() || r->stopped)
			return false;
		if (!restore_file(r, entry))
			r->failed++;
	}
	return !r->stopped;
}

static bool restore_store(struct restore *r, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (signals_caught() || r->stopped)
			return false;
		if (restore_store_file(r, names->items[i]))
			r->bytes +=
				entry_stored_size(rebind_store_entry(r, names->items[i]));
		else
			r->failed++;
	}
	return true;
}

/* ---- the pass ---- */

/* A set without these is one of a volume that had none. */
static bool restore_internal(struct restore *r, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (catalog_find_store(&r->set.catalog, names->items[i]) &&
			!restore_store_file(r, names->items[i]))
			return false;
	return true;
}

static bool begin_pass(struct restore *r)
{
	struct strings internal = {0};
	bool ok;

	if (!any_link(r))
		return true;
	ok = pass_begin_restore(r->root, &r->pass, &internal) &&
	     (!(r->options->given & OPTION_BARE_LINKS) || pass_set_bare(r->pass)) &&
	     restore_internal(r, &internal);
	strings_free(&internal);
	return ok;
}

/* On NTFS the system takes each name of a link for what it was before until it looks
 * again, which fails once. */
static void look_at_links(struct restore *r)
{
	for (size_t i = 0; i < r->set.catalog.count; i++) {
		const struct entry *entry = &r->set.catalog.items[i];
		struct stat st;

		if (r->choices[i] == CHOICE_YES && file_of(r, entry)->kind == ENTRY_LINK)
			(void)tree_look(&r->tree, entry->path, &st);
	}
}

static bool end_pass(struct restore *r)
{
	bool ok = pass_end(r->pass);

	if (r->pass && r->ntfs)
		look_at_links(r);
	r->pass = NULL;
	if (!ok)
		restore_remove_bare(r);
	return ok;
}

static uint64_t bytes_to_restore(const struct restore *r)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->set.catalog.count; i++)
		if (r->choices[i] == CHOICE_YES)
			bytes += entry_stored_size(&r->set.catalog.items[i]);
	return bytes;
}

static bool restore_all(struct restore *r)
{
	bool ok;

	signals_catch();
	progress_begin("restore", bytes_to_restore(r));
	replace_clean(r);
	ok = restore_directories(r) && begin_pass(r) && restore_files(r) &&
	     restore_store(r, &r->store_names);
	progress_end();
	ok = end_pass(r) && ok;
	ok = replace_finish(r) && ok;
	ok = restore_directory_attributes(r) && ok;
	if (syncfs(r->fd) != 0)
		ok = report_errno(errno, r->root);
	return ok && r->failed == 0;
}

/* ---- the command ---- */

static void print_done(const struct restore *r, bool ok)
{
	char bytes[STR_BYTES_SIZE], *shown = str_display(*r->root ? r->root : "/");

	attributes_warn(r->lost, *r->root ? r->root : "/");
	str_bytes((double)r->bytes, bytes);
	if (signals_caught())
		report_plain("interrupted by %s; %llu files were restored",
			signals_name(signals_caught()), (unsigned long long)r->files);
	else
		report_result("%s: %llu files restored, %llu of them links, %s%s", shown,
			(unsigned long long)r->files, (unsigned long long)r->links.count,
			bytes, ok ? "" : "; not all");
	free(shown);
}

static void close_restore(struct restore *r)
{
	volset_close(&r->set);
	tree_close(&r->tree);
	if (r->fd >= 0)
		close(r->fd);
	free(r->root);
	digest_free(r->digest);
	free(r->choices);
	free(r->restored_as);
	free(r->created);
	rebind_free(r);
	strings_free(&r->links);
	strings_free(&r->replaced);
	strings_free(&r->kept);
	strings_free(&r->store_names);
}

static bool run(struct restore *r)
{
	char **operands = r->options->operands;
	size_t count;
	bool ok;

	if (!volset_open(&r->set, operands[0]) || !open_volume(r, operands[1]))
		return false;
	count = r->set.catalog.count + 1;
	r->choices = xmalloc(count);
	r->restored_as = xmalloc(count * sizeof(*r->restored_as));
	r->created = xmalloc(count * sizeof(*r->created));
	r->digest = digest_new();
	if (!select_entries(r, operands + 2, r->options->count - 2))
		return false;
	if (!(r->options->given & OPTION_FORCE) && !select_check_absent(r))
		return false;
	ok = restore_all(r);
	print_done(r, ok);
	return ok;
}

int cmd_restore(const struct family *family, const struct options *options)
{
	struct restore r = {.options = options, .fd = -1};
	bool ok;

	(void)family;
	r.set.files.fd = -1;
	tree_init(&r.tree, -1, "");
	ok = run(&r);
	close_restore(&r);
	return signals_exit_status(ok ? EXIT_DONE : EXIT_FAILED);
}
