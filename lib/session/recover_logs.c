#include "session/recover_logs.h"

#include <stdlib.h>
#include <string.h>

#include "base/identity.h"
#include "session/logs.h"
#include "session/staging.h"

/* ---- do the registered ranges fit the engine? ---- */

static const struct restore_logs *first_range(const struct registration *reg)
{
	for (size_t i = 0; i < reg->log_count; i++)
		if (reg->logs[i].low != 0)
			return &reg->logs[i];
	return NULL;
}

/* Files copied while they were written are no state of a store that replays by name; other
 * engines see from the files whether these were closed properly, and say so themselves. */
static status check_ranges(const struct moving *m)
{
	const struct restore_logs *range = first_range(m->reg);
	const unsigned traits = m->engine->traits;

	if (range && !(traits & ENGINE_LOGS))
		return status_fail(hrMissingRestoreLogFiles,
			"%s: logs %u to %u are registered, but its store (%s) keeps none",
			m->server->name, range->low, range->high, m->engine->name);
	if (!range && (traits & ENGINE_LOGS) && (traits & ENGINE_LOGGED_NAMES))
		return status_fail(hrMissingRestoreLogFiles,
			"%s: no logs are registered, without which the databases (%s) "
			"are of no single moment",
			m->server->name, m->engine->name);
	return STATUS_OK;
}

/* ---- the choice ---- */

static status add_places(const struct logs *logs, struct restore_choice *choice)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < logs->places.count && !failed(rc); i++)
		rc = names_add(logs_is_staged(logs, i) ? &choice->placed : &choice->kept,
			logs->places.items[i]);
	names_sort(&choice->placed);
	names_sort(&choice->kept);
	return rc;
}

static status make_choice(
	const struct moving *m, const struct logs *logs, struct restore_choice *choice)
{
	const struct engine_logs *chosen = &logs->chosen;

	choice->engine = strdup(m->engine->name);
	choice->home = m->home ? strdup(m->home) : NULL;
	choice->log_dir = strdup(m->log_dir);
	if (!choice->engine || !choice->log_dir || (m->home && !choice->home))
		return status_no_memory();
	if (chosen->count > 0) {
		choice->low = chosen->items[0].generation;
		choice->high = chosen->items[chosen->count - 1].generation;
	}
	return add_places(logs, choice);
}

/* What an earlier choice staged goes before it is forgotten. */
static status note(
	const struct moving *m, struct registration *reg, const struct logs *logs)
{
	struct restore_choice choice = {0};
	status rc = make_choice(m, logs, &choice);

	if (!failed(rc))
		rc = staging_discard_choice(reg);
	if (failed(rc)) {
		restore_choice_clear(&choice);
		return rc;
	}
	restore_choice_clear(&reg->choice);
	reg->choice = choice;
	return logs->chosen.count ? registration_save(m->server, reg) : STATUS_OK;
}

struct work {
	const struct moving *m;
	struct logs logs;
};

static status choose(void *context)
{
	struct work *w = context;

	return logs_choose(w->m->engine, &w->m->store, w->m->reg, &w->logs);
}

static status stage(void *context)
{
	const struct work *w = context;

	return logs_stage(&w->logs, w->m->log_dir, w->m->home, w->m->walk);
}

static status as_maker(struct work *w, status (*step)(void *work))
{
	return identity_do(w->m->reg->maker, w->m->reg->maker_group, step, w);
}

status recover_choose(struct moving *m, struct registration *reg)
{
	struct work w = {.m = m};
	status rc = check_ranges(m);

	if (!failed(rc) && (m->engine->traits & ENGINE_LOGS))
		rc = as_maker(&w, choose);
	if (!failed(rc))
		rc = note(m, reg, &w.logs);
	if (!failed(rc))
		rc = as_maker(&w, stage);
	logs_free(&w.logs);
	return rc;
}
