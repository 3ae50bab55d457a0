#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/program.h"
#include "common/report.h"
#include "common/str.h"

#define DATABASES_SHOWN 10u /* in text; JSON has them all */

static const char *state_name(uint32_t state)
{
	switch (state) {
	case BACKUPAPI_STATE_STOPPED:
		return "stopped";
	case BACKUPAPI_STATE_SERVING:
		return "serving";
	case BACKUPAPI_STATE_SUSPENDED:
		return "suspended";
	default:
		return "unknown";
	}
}

static const char *restore_name(uint32_t restore)
{
	switch (restore) {
	case BACKUPAPI_RESTORE_NONE:
		return "none";
	case BACKUPAPI_RESTORE_OPEN:
		return "registered, not completed";
	case BACKUPAPI_RESTORE_COMPLETE:
		return "complete, recovered at the next start";
	case BACKUPAPI_RESTORE_FAILED:
		return "failed";
	default:
		return "unknown";
	}
}

/* The last backups of the program's own family, if the server has that. */
struct chain {
	int64_t last_full, last_incremental;
	uint32_t full_required, next_generation;
	bool incremental; /* can this program take one, now or after a full one? */
};

static struct chain chain_of(
	const struct family *family, const struct backupapi_server_info *info)
{
	struct chain chain = {
		.last_full = info->last_full_time,
		.last_incremental = info->last_incremental_time,
		.full_required = info->full_required,
		.next_generation = info->next_generation,
		.incremental = family->incremental && info->has_logs &&
			       (info->families & family->bit),
	};

	if (family->bit == BACKUPAPI_FAMILY_DS &&
		(info->families & BACKUPAPI_FAMILY_DS)) {
		chain.last_full = info->ds_last_full_time;
		chain.last_incremental = info->ds_last_incremental_time;
		chain.full_required = info->ds_full_required;
		chain.next_generation = info->ds_next_generation;
	}
	return chain;
}

static bool can_incremental(const struct chain *chain)
{
	return chain->incremental && !chain->full_required && chain->next_generation > 0;
}

/* ---- JSON ---- */

static void json_restore(const struct backupapi_server_info *info)
{
	static const char *const states[] = {"none", "open", "complete", "failed"};

	json_object("restore");
	json_text("state", info->restore < 4 ? states[info->restore] : "unknown");
	if (info->restore != BACKUPAPI_RESTORE_NONE) {
		json_number("maker", info->restore_maker);
		json_time("time", info->restore_time);
		json_number("result", info->restore_result);
	}
	json_end();
}

static void json_server(
	const struct backupapi_server_info *info, const struct chain *chain)
{
	json_object(NULL);
	json_text("name", info->name);
	json_text("authority", info->authority);
	json_array("families");
	if (info->families & BACKUPAPI_FAMILY_CERTSRV)
		json_text(NULL, "certsrv");
	if (info->families & BACKUPAPI_FAMILY_DS)
		json_text(NULL, "ds");
	json_end();
	json_text("state", state_name(info->state));
	json_text("engine", info->engine);
	json_array("databases");
	for (const char *p = info->databases; *p; p += strlen(p) + 1)
		json_text(NULL, p);
	json_end();
	json_bool("has_logs", info->has_logs);
	json_text("log_dir", info->log_dir);
	json_text("system_dir", info->system_dir);
	json_time("last_full", chain->last_full);
	json_time("last_incremental", chain->last_incremental);
	json_bool("full_required", chain->full_required);
	json_number("next_generation", chain->next_generation);
	json_restore(info);
	json_text("config_file", info->config_file);
	json_text("state_dir", info->state_dir);
	json_end();
}

/* ---- text ---- */

static void print_line(const char *label, const char *value)
{
	char *shown = str_display(value);

	printf("  %-17s %s\n", label, shown);
	free(shown);
}

static void print_time(const char *label, int64_t seconds)
{
	char time[STR_TIME_SIZE];

	str_time(seconds, time);
	print_line(label, seconds ? time : "never");
}

static void print_restore(const struct backupapi_server_info *info)
{
	const struct passwd *maker;
	char time[STR_TIME_SIZE];

	print_line("restore", restore_name(info->restore));
	if (info->restore == BACKUPAPI_RESTORE_NONE)
		return;
	maker = getpwuid((uid_t)info->restore_maker);
	if (maker)
		print_line("  registered by", maker->pw_name);
	else
		printf("  %-17s user %" PRIu32 "\n", "  registered by",
			info->restore_maker);
	str_time(info->restore_time, time);
	print_line("  registered at", time);
	if (info->restore == BACKUPAPI_RESTORE_FAILED)
		printf("  %-17s %s (0x%08X)\n", "  failed with",
			backupapi_error_name(info->restore_result),
			(unsigned)info->restore_result);
}

static void print_next(const struct chain *chain)
{
	if (can_incremental(chain))
		printf("  %-17s full, or incremental from log %" PRIu32 " on\n",
			"next backup", chain->next_generation);
	else
		print_line("next backup", "full");
}

static void print_databases(const struct backupapi_server_info *info)
{
	uint32_t shown = 0;

	printf("  %-17s %" PRIu32 "\n", "databases", info->database_count);
	for (const char *p = info->databases; *p && shown < DATABASES_SHOWN;
		p += strlen(p) + 1) {
		print_line("", p);
		shown++;
	}
	if (info->database_count > shown)
		printf("  %-17s and %" PRIu32 " more\n", "",
			info->database_count - shown);
}

static void print_server(
	const struct backupapi_server_info *info, const struct chain *chain)
{
	char *name = str_display(info->name);

	printf("%s\n", name);
	free(name);
	if (info->authority)
		print_line("authority", info->authority);
	print_line("state", state_name(info->state));
	print_line("engine", info->engine);
	print_databases(info);
	print_line("logs", info->has_logs ? info->log_dir : "none kept");
	print_time("last full", chain->last_full);
	if (chain->incremental)
		print_time("last incremental", chain->last_incremental);
	print_next(chain);
	print_restore(info);
	print_line("configuration", info->config_file);
	print_line("state directory", info->state_dir);
}

/* ---- which servers ---- */

enum found { FOUND_SHOWN, FOUND_OTHER_FAMILY, FOUND_FAILED };

static enum found show(const struct family *family, const char *server, bool any_family,
	const struct options *options)
{
	struct backupapi_server_info *info;
	int32_t rc = backupapi_server_status(server, &info);
	enum found found = FOUND_OTHER_FAMILY;

	if (FAILED(rc)) {
		report_call(rc, server);
		return FOUND_FAILED;
	}
	if (any_family || (info->families & family->bit)) {
		struct chain chain = chain_of(family, info);

		found = FOUND_SHOWN;
		if (options->given & OPTION_JSON)
			json_server(info, &chain);
		else if (!report_is_quiet())
			print_server(info, &chain);
	}
	backupapi_free(info);
	return found;
}

static bool report_broken(const char *broken)
{
	bool any = false;

	for (const char *p = broken; *p; p += strlen(p) + 1, any = true)
		report_plain("%s (%s, 0x%08X)", p,
			backupapi_error_name(HRESULT_FROM_WIN32(ERROR_BAD_CONFIGURATION)),
			(unsigned)HRESULT_FROM_WIN32(ERROR_BAD_CONFIGURATION));
	return any;
}

static bool show_all(const struct family *family, const struct options *options)
{
	char *names, *broken;
	uint32_t size;
	unsigned shown = 0;
	bool ok;
	int32_t rc = backupapi_server_list(&names, &size, &broken);

	if (FAILED(rc))
		return report_call(rc, "configured servers");
	ok = !report_broken(broken);
	for (const char *p = names; *p; p += strlen(p) + 1) {
		enum found found = show(family, p, false, options);

		shown += found == FOUND_SHOWN;
		ok &= found != FOUND_FAILED;
	}
	backupapi_free(broken);
	backupapi_free(names);
	if (ok && shown == 0)
		report_note("no server of this family is configured");
	return ok;
}

int cmd_status(const struct family *family, const struct options *options)
{
	bool json = options->given & OPTION_JSON, ok;

	if (json)
		json_array(NULL);
	if (options->count > 0)
		ok = show(family, options->operands[0], true, options) == FOUND_SHOWN;
	else
		ok = show_all(family, options);
	if (json)
		json_end();
	return ok ? EXIT_DONE : EXIT_FAILED;
}
