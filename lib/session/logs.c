/*
 * Where copies are found: the sets' own directories and the log directory. The sets' copies
 * count first; one in the log directory stands for them only where it continues them, and
 * not at all where it turns out to be damaged.
 */
#include "session/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

struct choice {
	const struct engine *engine;
	const struct store_config *store;
	const struct registration *reg;
	struct engine_logs sets; /* in the directories of the sets */
	struct engine_logs here; /* in the log directory */
	uint32_t low, high;      /* registered; 0, 0: nothing */
	bool prefer_here;        /* may a copy there stand for a set's own? */
	bool replaced_any;       /* one does */
	struct logs *logs;
};

/* The copies of one generation: neighbours, the shorter ones first. */
struct slice {
	const struct engine_log *items;
	size_t count;
};

/* ---- finding ---- */

static status find_in(struct choice *c, const char *dir, struct engine_logs *found)
{
	struct engine_logs more = {0};
	status rc = c->engine->find_logs(c->store, dir, &more);

	for (size_t i = 0; i < more.count && !failed(rc); i++) {
		const struct engine_log *log = &more.items[i];

		rc = engine_logs_take(
			found, strdup(log->path), log->generation, log->size, log->part);
	}
	engine_logs_free(&more);
	return rc;
}

/* Several sets may have been copied to one directory, also to the log directory. */
static status add_set_dirs(const struct choice *c, struct names *dirs)
{
	const struct registration *reg = c->reg;
	status rc = STATUS_OK;

	for (size_t i = 0; i < reg->log_count && !failed(rc); i++) {
		const char *dir = reg->logs[i].backup_log_path;

		if (dir && strcmp(dir, c->store->log_dir) != 0)
			rc = names_add(dirs, dir);
	}
	names_sort(dirs);
	return rc;
}

static status find_all(struct choice *c)
{
	struct names dirs = {0};
	status rc = add_set_dirs(c, &dirs);

	for (size_t i = 0; i < dirs.count && !failed(rc); i++)
		rc = find_in(c, dirs.items[i], &c->sets);
	if (!failed(rc))
		rc = find_in(c, c->store->log_dir, &c->here);
	names_free(&dirs);
	engine_logs_sort(&c->sets);
	engine_logs_sort(&c->here);
	return rc;
}

static void find_range(struct choice *c)
{
	for (size_t i = 0; i < c->reg->log_count; i++) {
		const struct restore_logs *range = &c->reg->logs[i];

		if (range->low == 0)
			continue;
		if (c->low == 0 || range->low < c->low)
			c->low = range->low;
		if (range->high > c->high)
			c->high = range->high;
	}
}

static struct slice find_copies(const struct engine_logs *logs, uint32_t generation)
{
	size_t low = 0, high = logs->count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (logs->items[middle].generation < generation)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < logs->count && logs->items[end].generation == generation;)
		end++;
	if (end == low)
		return (struct slice){0};
	return (struct slice){logs->items + low, end - low};
}

/* What the logs themselves are to blame for. */
static bool is_about_logs(status rc)
{
	return rc == hrLogFileCorrupt || rc == hrGivenLogFileIsNotContiguous ||
	       rc == hrGivenLogFileHasBadSignature;
}

/* ---- one generation ---- */

/* The longest; of equally long ones a complete one, since others may follow that. */
static const struct engine_log *longest_of(struct slice copies, bool parts_only)
{
	const struct engine_log *best = NULL;

	for (size_t i = 0; i < copies.count; i++) {
		const struct engine_log *log = &copies.items[i];

		if (parts_only && !log->part)
			continue;
		if (!best || log->size > best->size ||
			(log->size == best->size && best->part && !log->part))
			best = log;
	}
	return best;
}

static const struct engine_log *longest(struct slice copies)
{
	return longest_of(copies, false);
}

/* The sets' own copies are of one sequence, or the sets do not belong together. */
static status check_copies(
	const struct choice *c, struct slice copies, const struct engine_log *best)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < copies.count && !failed(rc); i++) {
		const struct engine_log *log = &copies.items[i];
		bool continues = true;

		if (log != best)
			rc = c->engine->log_continues(log, best, &continues);
		if (!failed(rc) && !continues)
			rc = status_fail(hrGivenLogFileIsNotContiguous,
				"%s: not a later copy of %s, which is of the same "
				"generation: the sets do not belong together",
				best->path, log->path);
	}
	return rc;
}

static status is_in_place(
	const struct choice *c, const struct engine_log *log, bool newest, bool *in_place)
{
	char *name, *place;
	status rc = c->engine->log_name(c->store, log, newest, &name);

	*in_place = false;
	if (failed(rc))
		return rc;
	if (asprintf(&place, "%s/%s", c->store->log_dir, name) < 0)
		place = NULL;
	free(name);
	if (!place)
		return status_no_memory();
	*in_place = strcmp(place, log->path) == 0;
	free(place);
	return STATUS_OK;
}

/* Does LOG, in the log directory, serve better than BEST, a set's? It is longer, or as long
 * and complete, or need not be copied. */
static status serves_better(const struct choice *c, const struct engine_log *log,
	const struct engine_log *best, bool *better)
{
	status rc = STATUS_OK;

	*better = log->size > best->size ||
		  (log->size == best->size && best->part && !log->part);
	if (!*better && log->size == best->size && log->part == best->part)
		rc = is_in_place(c, log, log->generation == c->high, better);
	if (failed(rc) || !*better)
		return rc;
	rc = c->engine->log_continues(best, log, better);
	if (is_about_logs(rc)) {
		*better = false;
		rc = STATUS_OK;
	}
	return rc;
}

/* A copy that belongs to another sequence is a stray, not an obstacle. Where the sets were
 * copied straight into the log directory, the parts are theirs: a server never calls its
 * own logs so. */
static status look_here(
	struct choice *c, struct slice here, const struct engine_log **best)
{
	const struct engine_log *own = *best ? *best : longest_of(here, true);
	status rc = STATUS_OK;

	*best = own ? own : longest(here);
	if (!own)
		return STATUS_OK;
	for (size_t i = here.count; c->prefer_here && i-- > 0 && !failed(rc);) {
		bool better;

		rc = serves_better(c, &here.items[i], *best, &better);
		if (!failed(rc) && better)
			*best = &here.items[i];
	}
	c->replaced_any = c->replaced_any || *best != own;
	return rc;
}

static status add_chosen(struct choice *c, const struct engine_log *log)
{
	return engine_logs_take(&c->logs->chosen, strdup(log->path), log->generation,
		log->size, log->part);
}

/* Has one set both the log and the one that follows it? */
static bool one_set_has_both(const struct choice *c, uint32_t generation)
{
	for (size_t i = 0; i < c->reg->log_count; i++) {
		const struct restore_logs *range = &c->reg->logs[i];

		if (range->low != 0 && range->low <= generation &&
			range->high > generation)
			return true;
	}
	return false;
}

/* What comes between the end of this copy and the next log is in a set that nobody
 * registered, or else this one was put together wrongly. */
static status refuse_part(const struct choice *c, const struct engine_log *part)
{
	status code = one_set_has_both(c, part->generation)
			      ? hrGivenLogFileIsNotContiguous
			      : hrMissingRestoreLogFiles;

	return status_fail(code,
		"%s: log %u was not complete when this was copied, but others follow it: "
		"the set that has all of it is missing",
		part->path, part->generation);
}

static status choose_one(struct choice *c, uint32_t generation)
{
	struct slice own = find_copies(&c->sets, generation);
	const struct engine_log *best = longest(own);
	status rc = best ? check_copies(c, own, best) : STATUS_OK;

	if (!failed(rc))
		rc = look_here(c, find_copies(&c->here, generation), &best);
	if (failed(rc))
		return rc;
	if (!best)
		return status_fail(hrMissingRestoreLogFiles,
			"%s: log %u of the registered %u to %u is neither there nor with "
			"the sets",
			c->store->log_dir, generation, c->low, c->high);
	if (best->part && generation < c->high)
		return refuse_part(c, best);
	return add_chosen(c, best);
}

/* ---- all ---- */

static status choose_range(struct choice *c)
{
	uint32_t generation = c->low;
	status rc;

	engine_logs_free(&c->logs->chosen);
	c->replaced_any = false;
	do
		rc = choose_one(c, generation);
	while (!failed(rc) && generation++ < c->high);
	if (!failed(rc))
		rc = c->engine->check_logs(
			c->store, c->logs->chosen.items, c->logs->chosen.count);
	return rc;
}

/* One by one, so that damage further on costs only what lies behind it. */
static status roll_forward(struct choice *c)
{
	struct engine_logs *chosen = &c->logs->chosen;
	status rc = STATUS_OK;

	while (!failed(rc)) {
		struct engine_log pair[2] = {chosen->items[chosen->count - 1]};
		const struct engine_log *next;

		if (pair[0].part || pair[0].generation == UINT32_MAX)
			return STATUS_OK;
		next = longest(find_copies(&c->here, pair[0].generation + 1));
		if (!next)
			return STATUS_OK;
		pair[1] = *next;
		rc = c->engine->check_logs(c->store, pair, 2);
		if (is_about_logs(rc)) {
			trace(TRACE_INFO, "%s: does not continue the restored logs: %s",
				next->path, status_pending());
			return STATUS_OK;
		}
		if (!failed(rc))
			rc = add_chosen(c, next);
	}
	return rc;
}

static status name_places(struct choice *c)
{
	struct logs *logs = c->logs;
	status rc = STATUS_OK;

	for (size_t i = 0; i < logs->chosen.count && !failed(rc); i++) {
		char *name, *place;

		rc = c->engine->log_name(c->store, &logs->chosen.items[i],
			i == logs->chosen.count - 1, &name);
		if (failed(rc))
			break;
		if (asprintf(&place, "%s/%s", c->store->log_dir, name) < 0)
			place = NULL;
		free(name);
		rc = names_take(&logs->places, place);
	}
	return rc;
}

static status choose(struct choice *c)
{
	status rc = find_all(c);

	if (failed(rc))
		return rc;
	find_range(c);
	if (c->low != 0) {
		rc = choose_range(c);
		if (is_about_logs(rc) && c->replaced_any) {
			c->prefer_here = false;
			rc = choose_range(c);
		}
		if (!failed(rc))
			rc = roll_forward(c);
	}
	return failed(rc) ? rc : name_places(c);
}

status logs_choose(const struct engine *engine, const struct store_config *store,
	const struct registration *reg, struct logs *logs)
{
	struct choice c = {.engine = engine,
		.store = store,
		.reg = reg,
		.prefer_here = true,
		.logs = logs};
	status rc;

	*logs = (struct logs){0};
	rc = choose(&c);
	engine_logs_free(&c.sets);
	engine_logs_free(&c.here);
	if (failed(rc))
		logs_free(logs);
	return rc;
}

bool logs_is_staged(const struct logs *logs, size_t i)
{
	return i == logs->chosen.count - 1 ||
	       strcmp(logs->chosen.items[i].path, logs->places.items[i]) != 0;
}

void logs_free(struct logs *logs)
{
	engine_logs_free(&logs->chosen);
	names_free(&logs->places);
}
