/*
 * Are these the sets to restore here? Asked before anything is touched.
 */
#include <string.h>
#include <strings.h>

#include "common/progress.h"
#include "common/report.h"
#include "common/restore.h"
#include "common/signals.h"

bool restore_open_sets(struct restore *r)
{
	size_t count = (size_t)r->options->count - 1;

	r->sets = xmalloc(count * sizeof(*r->sets));
	for (size_t i = 0; i < count; i++) {
		r->set_count++;
		if (!set_open(&r->sets[i], r->options->operands[i + 1]))
			return false;
	}
	return true;
}

/* A set of this server, by its name or by what is an alias of it today. */
static bool is_of_server(const struct restore *r, const struct set *set)
{
	struct backupapi_server_info *other;
	bool same;

	if (!strcasecmp(set->info.server, r->status->name))
		return true;
	if (FAILED(backupapi_server_status(set->info.server, &other)))
		return false;
	same = !strcmp(other->name, r->status->name);
	backupapi_free(other);
	return same;
}

static bool check_origin(const struct restore *r, const struct set *set)
{
	if (strcmp(set->info.family, r->family->name) != 0)
		return report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
			"a set of family %s, not of %s", set->info.family,
			r->family->name);
	if (strcmp(set->info.engine, r->status->engine) != 0)
		return report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
			"a set of engine %s, and the server's is %s", set->info.engine,
			r->status->engine);
	return (r->options->given & OPTION_ANY_SERVER) || is_of_server(r, set) ||
	       report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
		       "a set of server %s; --any-server takes it all the same",
		       set->info.server);
}

/* An incremental set notes when the full backup that it needs was taken. */
static bool check_chain(const struct restore *r, const struct set *set, bool first)
{
	const struct setinfo *full = &r->sets[0].info;

	if (setinfo_is_full(&set->info) != first)
		return report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
			first ? "an incremental set; a full one comes first"
			      : "a full set; only one, the first, can be");
	if (first || (set->info.base_time >= full->started &&
			     set->info.base_time <= full->finished))
		return true;
	return report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
		"belongs to another full backup than %s", r->sets[0].files.dir);
}

static bool verify_all(struct restore *r)
{
	uint64_t total = 0;
	bool ok = true;

	for (size_t i = 0; i < r->set_count; i++)
		total += set_bytes(&r->sets[i]);
	progress_begin("verify", total);
	for (size_t i = 0; i < r->set_count && !signals_caught(); i++)
		ok &= set_verify(&r->sets[i], r->digest);
	progress_end();
	/* Recovery would find a damaged database, too, but after the old ones are gone. */
	for (size_t i = 0; ok && i < r->set_count && !signals_caught(); i++)
		ok = set_verify_databases(&r->sets[i]);
	return ok && !signals_caught();
}

bool restore_check_sets(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		if (!check_origin(r, &r->sets[i]) || !check_chain(r, &r->sets[i], i == 0))
			return false;
	return verify_all(r);
}
