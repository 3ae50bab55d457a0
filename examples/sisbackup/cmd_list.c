#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/report.h"
#include "common/str.h"
#include "sisbackup/commands.h"
#include "sisbackup/volset.h"

/* ---- JSON ---- */

static const char *sum_of(const struct volset *set, const struct entry *entry)
{
	char *location = entry_location(entry);
	const struct sum *sum = location ? sums_find(&set->files.sums, location) : NULL;

	free(location);
	return sum ? sum->hex : NULL;
}

static void json_entry(const struct volset *set, const struct entry *entry)
{
	json_object(NULL);
	json_text("kind", entry_kind_name(entry->kind));
	json_text("path", entry->path);
	json_number("size", (int64_t)entry->size);
	json_number("stored", (int64_t)entry_stored_size(entry));
	json_text("sha256", sum_of(set, entry));
	json_text("target", entry->target);
	meta_json(&entry->meta);
	json_array("attributes");
	for (size_t i = 0; i < entry->xattrs.count; i++)
		json_text(NULL, entry->xattrs.items[i].name);
	json_end();
	json_end();
}

static void print_json(const struct volset *set)
{
	json_object(NULL);
	json_text("set", set->files.dir);
	json_text("volume", set->info.volume);
	json_text("filesystem", set->info.filesystem);
	json_time("started", set->info.started);
	json_time("finished", set->info.finished);
	json_number("skipped", (int64_t)set->info.skipped);
	json_text("host", set->info.host);
	json_text("library", set->info.library);
	json_array("files");
	for (size_t i = 0; i < set->catalog.count; i++)
		json_entry(set, &set->catalog.items[i]);
	json_end();
	json_end();
}

/* ---- text ---- */

static void print_entry(const struct entry *entry)
{
	char time[STR_TIME_SIZE], *path = str_display(entry->path);
	char *target = entry->target ? str_display(entry->target) : NULL;

	str_time((int64_t)entry->meta.mtime.tv_sec, time);
	printf("%-9s ", entry_kind_name(entry->kind));
	if (entry->kind == ENTRY_HARDLINK) {
		printf("%s = %s\n", path, target);
	} else {
		printf("%04o ", (unsigned)entry->meta.mode);
		meta_print_owner(&entry->meta);
		printf("%12" PRIu64 " %s %s%s%s\n", entry->size, time, path,
			target ? " -> " : "", target ? target : "");
	}
	free(target);
	free(path);
}

static void print_text(const struct volset *set)
{
	const struct volinfo *info = &set->info;
	char started[STR_TIME_SIZE], finished[STR_TIME_SIZE], bytes[STR_BYTES_SIZE];
	char *volume = str_display(info->volume);

	str_time(info->started, started);
	str_time(info->finished, finished);
	str_bytes((double)volset_bytes(set), bytes);
	printf("backup of %s (%s)\n", volume,
		info->filesystem ? info->filesystem : "unknown");
	printf("taken    %s to %s\n", started, finished);
	if (info->skipped > 0)
		printf("skipped  %" PRIu32 " files\n", info->skipped);
	printf("content  %" PRIu64 " files, %s\n\n", volset_count(set), bytes);
	for (size_t i = 0; i < set->catalog.count; i++)
		print_entry(&set->catalog.items[i]);
	free(volume);
}

int cmd_list(const struct family *family, const struct options *options)
{
	struct volset set;
	bool ok = volset_open(&set, options->operands[0]);

	(void)family;
	if (ok && options->given & OPTION_JSON)
		print_json(&set);
	else if (ok)
		print_text(&set);
	volset_close(&set);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
