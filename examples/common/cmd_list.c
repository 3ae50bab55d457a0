#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "common/program.h"
#include "common/report.h"
#include "common/set_reader.h"
#include "common/str.h"

/* ---- JSON ---- */

static void json_item(const struct set *set, const struct item *item)
{
	json_object(NULL);
	json_text("kind", item_kind_name(item->kind));
	json_text("path", item->path);
	if (item->kind != ITEM_DIRECTORY) {
		json_number("size", (int64_t)item->size);
		json_text("sha256", set_item_sum(set, item));
	}
	meta_json(&item->meta);
	json_end();
}

static void json_info(const struct setinfo *info)
{
	json_text("server", info->server);
	json_text("family", info->family);
	json_text("engine", info->engine);
	json_text("kind", info->kind);
	json_text("id", info->id);
	json_time("started", info->started);
	json_time("finished", info->finished);
	json_time("base", info->base_time);
	json_number("log_low", info->log_low);
	json_number("log_high", info->log_high);
	json_text("log_dir", info->log_dir);
	json_text("system_dir", info->system_dir);
	json_text("host", info->host);
	json_text("library", info->library);
}

static void print_json(const struct set *set)
{
	json_object(NULL);
	json_text("set", set->files.dir);
	json_info(&set->info);
	json_array("files");
	for (size_t i = 0; i < set->manifest.count; i++)
		json_item(set, &set->manifest.items[i]);
	json_end();
	json_end();
}

/* ---- text ---- */

static void print_item(const struct item *item)
{
	char time[STR_TIME_SIZE], *path = str_display(item->path);

	str_time((int64_t)item->meta.mtime.tv_sec, time);
	printf("%-9s %04o ", item_kind_name(item->kind), (unsigned)item->meta.mode);
	meta_print_owner(&item->meta);
	if (item->kind == ITEM_DIRECTORY)
		printf("%12s", "-");
	else
		printf("%12" PRIu64, item->size);
	printf(" %s %s\n", time, path);
	free(path);
}

static void print_text(const struct set *set)
{
	const struct setinfo *info = &set->info;
	char started[STR_TIME_SIZE], finished[STR_TIME_SIZE], bytes[STR_BYTES_SIZE];
	char *server = str_display(info->server);

	str_time(info->started, started);
	str_time(info->finished, finished);
	str_bytes((double)set_bytes(set), bytes);
	printf("%s backup of %s (%s, %s)\n", info->kind, server, info->family,
		info->engine);
	printf("taken    %s to %s\n", started, finished);
	if (info->log_high > 0)
		printf("logs     %" PRIu32 " to %" PRIu32 "\n", info->log_low,
			info->log_high);
	printf("content  %" PRIu64 " files, %s\n\n", set_files(set), bytes);
	for (size_t i = 0; i < set->manifest.count; i++)
		print_item(&set->manifest.items[i]);
	free(server);
}

int cmd_list(const struct family *family, const struct options *options)
{
	struct set set;
	bool ok = set_open(&set, options->operands[0]);

	(void)family;
	if (ok && options->given & OPTION_JSON)
		print_json(&set);
	else if (ok)
		print_text(&set);
	set_close(&set);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
