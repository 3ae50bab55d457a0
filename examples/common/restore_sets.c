/*
 * Are these the sets to restore here? Asked before anything is touched.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/progress.h"
#include "common/report.h"
#include "common/restore.h"
#include "common/signals.h"
#include "common/str.h"

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

/* Of a store that is lost or damaged, the files do not tell the engine. */
static bool is_of_engine(const struct restore *r, const struct set *set)
{
	return r->status->engine_recognised ||
	       !strcmp(set->info.engine, r->status->engine);
}

static bool check_origin(const struct restore *r, const struct set *set)
{
	if (strcmp(set->info.family, r->family->name) != 0)
		return report_problem(ERROR_INVALID_PARAMETER, set->files.dir,
			"a set of family %s, not of %s", set->info.family,
			r->family->name);
	if (!is_of_engine(r, set))
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

struct set *restore_newest(const struct restore *r)
{
	struct set *newest = &r->sets[0];

	for (size_t i = 1; i < r->set_count; i++)
		if (r->sets[i].info.started > newest->info.started)
			newest = &r->sets[i];
	return newest;
}

/* The set whose logs begin earliest above GENERATION; NULL: none does. */
static const struct setinfo *next_above(const struct restore *r, uint32_t generation)
{
	const struct setinfo *next = NULL;

	for (size_t i = 0; i < r->set_count; i++) {
		const struct setinfo *info = &r->sets[i].info;

		if (info->log_low > generation &&
			(!next || info->log_low < next->log_low))
			next = info;
	}
	return next;
}

/* The last generation that the sets hold without a gap, from FIRST on. */
static uint32_t reach(const struct restore *r, uint32_t first)
{
	uint32_t last = first, before;

	do {
		before = last;
		for (size_t i = 0; i < r->set_count; i++) {
			const struct setinfo *info = &r->sets[i].info;

			if (info->log_low > 0 && info->log_low - 1 <= last &&
				info->log_high > last)
				last = info->log_high;
		}
	} while (last != before);
	return last;
}

void restore_note_gaps(const struct restore *r)
{
	const struct setinfo *next = next_above(r, 0);

	while (next) {
		uint32_t last = reach(r, next->log_low);

		next = next_above(r, last);
		if (next)
			report_note("no set holds logs %u to %u: recovery needs them in "
				    "%s; unless they are there, an incremental set is "
				    "missing",
				last + 1, next->log_low - 1, r->log_dir);
	}
}

/* Asked while the service still runs: it need not be stopped to learn that the token is
 * refused, since that is looked at first. */
static bool check_token(struct restore *r)
{
	const struct token *token = &r->sets[0].token;
	WCHAR *name;
	void *session;
	int32_t rc;

	if (!r->family->tokens)
		return true;
	if (token->size == 0)
		return report_problem(
			ERROR_INVALID_DATA, r->sets[0].files.dir, "has no expiry token");
	name = str_widen(r->server);
	rc = r->family->restore_prepare(name, token, &session);
	free(name);
	if (rc == HRESULT_FROM_WIN32(ERROR_SERVICE_ALREADY_RUNNING))
		return true;
	if (!FAILED(rc))
		rc = r->family->restore_end(session);
	return !FAILED(rc) || report_call(rc, r->server);
}

bool restore_check_sets(struct restore *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		if (!check_origin(r, &r->sets[i]) || !check_chain(r, &r->sets[i], i == 0))
			return false;
	return verify_all(r) && check_token(r);
}
