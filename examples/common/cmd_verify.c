#include <stdlib.h>

#include "common/json.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/set_reader.h"
#include "common/signals.h"
#include "common/str.h"

static void collect(void *context, const char *text)
{
	strings_take(context, xstrdup(text));
}

static void print_json(
	const struct set *set, const char *dir, bool ok, const struct strings *problems)
{
	json_object(NULL);
	json_text("set", dir);
	json_bool("good", ok);
	json_text("server", set->info.server);
	json_number("files", (int64_t)set_files(set));
	json_number("bytes", (int64_t)set_bytes(set));
	json_array("problems");
	for (size_t i = 0; i < problems->count; i++)
		json_text(NULL, problems->items[i]);
	json_end();
	json_end();
}

static void print_text(const struct set *set, const char *dir)
{
	char *shown = str_display(dir), bytes[STR_BYTES_SIZE];

	str_bytes((double)set_bytes(set), bytes);
	report_result("%s: good: %llu files, %s", shown,
		(unsigned long long)set_files(set), bytes);
	free(shown);
}

static bool verify(const char *dir, struct digest *digest, bool json)
{
	struct strings problems = {0};
	struct set set;
	bool ok;

	report_observe(collect, &problems);
	ok = set_open(&set, dir);
	if (ok) {
		progress_begin("verify", set_bytes(&set));
		ok = set_verify(&set, digest);
		progress_end();
		/* A database that is not what was saved needs no second opinion. */
		ok = ok && set_verify_databases(&set) && !signals_caught();
	}
	report_observe(NULL, NULL);
	if (json)
		print_json(&set, dir, ok, &problems);
	else if (ok)
		print_text(&set, dir);
	set_close(&set);
	strings_free(&problems);
	return ok;
}

int cmd_verify(const struct family *family, const struct options *options)
{
	struct digest *digest = digest_new();
	bool json = options->given & OPTION_JSON, ok = true;

	(void)family;
	if (json)
		json_array(NULL);
	signals_catch();
	for (int i = 0; i < options->count && !signals_caught(); i++)
		ok &= verify(options->operands[i], digest, json);
	if (json)
		json_end();
	digest_free(digest);
	if (signals_caught())
		report_plain("stopped by %s", signals_name(signals_caught()));
	return signals_exit_status(ok ? EXIT_DONE : EXIT_FAILED);
}
