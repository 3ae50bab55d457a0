#include <stdlib.h>

#include "common/json.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "sisbackup/commands.h"
#include "sisbackup/volset.h"

static void collect(void *context, const char *text)
{
	strings_take(context, xstrdup(text));
}

static void print_json(const struct volset *set, const char *dir, bool ok,
	const struct strings *problems)
{
	json_object(NULL);
	json_text("set", dir);
	json_bool("good", ok);
	json_text("volume", set->info.volume);
	json_number("skipped", (int64_t)set->info.skipped);
	json_number("files", (int64_t)volset_count(set));
	json_number("bytes", (int64_t)volset_bytes(set));
	json_array("problems");
	for (size_t i = 0; i < problems->count; i++)
		json_text(NULL, problems->items[i]);
	json_end();
	json_end();
}

static void print_text(const struct volset *set, const char *dir)
{
	char *shown = str_display(dir), bytes[STR_BYTES_SIZE];

	str_bytes((double)volset_bytes(set), bytes);
	report_result("%s: good: %llu files, %s", shown,
		(unsigned long long)volset_count(set), bytes);
	if (set->info.skipped > 0)
		report_note("%s: %u files were skipped when the set was written", shown,
			(unsigned)set->info.skipped);
	free(shown);
}

static bool verify(const char *dir, struct digest *digest, bool json)
{
	struct strings problems = {0};
	struct volset set;
	bool ok;

	report_observe(collect, &problems);
	ok = volset_open(&set, dir);
	if (ok) {
		progress_begin("verify", volset_bytes(&set));
		ok = volset_verify(&set, digest);
		progress_end();
	}
	report_observe(NULL, NULL);
	if (json)
		print_json(&set, dir, ok, &problems);
	else if (ok)
		print_text(&set, dir);
	volset_close(&set);
	strings_free(&problems);
	return ok;
}

int cmd_verify(const struct family *family, const struct options *options)
{
	struct digest *digest = digest_new();
	bool json = options->given & OPTION_JSON, ok = true;

	(void)family;
	signals_catch();
	if (json)
		json_array(NULL);
	for (int i = 0; i < options->count && !signals_caught(); i++)
		ok &= verify(options->operands[i], digest, json);
	if (json)
		json_end();
	digest_free(digest);
	return signals_exit_status(ok ? EXIT_DONE : EXIT_FAILED);
}
