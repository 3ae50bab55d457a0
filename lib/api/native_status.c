/* backupapi_server_status(): all that is known about a server, in one block. */
#include <backupapi/backupapi.h>

#include <string.h>

#include "api/argument.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "engine/engine.h"
#include "server/history.h"
#include "server/registration.h"
#include "server/service.h"
#include "session/locations.h"

_Static_assert(BACKUPAPI_FAMILY_CERTSRV == FAMILY_CERTSRV, "public value");
_Static_assert(BACKUPAPI_FAMILY_DS == FAMILY_DS, "public value");
_Static_assert(BACKUPAPI_STATE_STOPPED == SERVICE_STOPPED, "public value");
_Static_assert(BACKUPAPI_STATE_SERVING == SERVICE_SERVING, "public value");
_Static_assert(BACKUPAPI_STATE_SUSPENDED == SERVICE_SUSPENDED, "public value");

#define NANOSECONDS 1000000000

/* Where in the block each string begins: known before the block is. 0: none. */
struct places {
	size_t name, authority, engine, state_dir, config_file;
	size_t databases, log_dir, system_dir;
};

static size_t add_text(struct buffer *b, const char *text)
{
	size_t place = b->size;

	if (!text)
		return 0;
	buffer_add(b, text, strlen(text) + 1);
	return place;
}

static status add_locations(const struct server *server,
	struct backupapi_server_info *info, struct places *at, struct buffer *b)
{
	struct locations l = {0};
	status rc = locations_find(server, &l);

	if (failed(rc))
		return rc;
	at->databases = b->size;
	for (size_t i = 0; i < l.count; i++)
		if (l.items[i].kind == LOCATION_DATABASE) {
			(void)add_text(b, l.items[i].path);
			info->database_count++;
		}
	(void)add_text(b, "");
	for (size_t i = 0; i < l.count; i++)
		if (l.items[i].kind == LOCATION_LOG_DIR)
			at->log_dir = add_text(b, l.items[i].path);
		else if (l.items[i].kind == LOCATION_SYSTEM_DIR)
			at->system_dir = add_text(b, l.items[i].path);
	locations_free(&l);
	return STATUS_OK;
}

static status add_engine(const struct server *server, struct backupapi_server_info *info,
	struct places *at, struct buffer *b)
{
	const struct engine *engine;
	status rc = engine_find(&server->store, &engine);

	if (failed(rc))
		return rc;
	at->engine = add_text(b, engine->name);
	info->engine_recognised = strcmp(server->store.engine, "auto") == 0;
	info->has_logs = (engine->traits & ENGINE_LOGS) != 0;
	return STATUS_OK;
}

static void add_server(const struct server *server, struct backupapi_server_info *info,
	struct places *at, struct buffer *b)
{
	at->name = add_text(b, server->name);
	at->authority = add_text(b, server->authority);
	at->state_dir = add_text(b, server->state_dir);
	at->config_file = add_text(b, server->file);
	info->families = server->families;
	info->tombstone_days = server->tombstone_days;
}

static status find_state(const struct server *server, struct backupapi_server_info *info)
{
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (!failed(rc))
		info->state = state;
	return rc;
}

static uint32_t restore_state(enum registration_state state)
{
	switch (state) {
	case REGISTRATION_OPEN:
		return BACKUPAPI_RESTORE_OPEN;
	case REGISTRATION_COMPLETE:
		return BACKUPAPI_RESTORE_COMPLETE;
	case REGISTRATION_FAILED:
		return BACKUPAPI_RESTORE_FAILED;
	}
	return BACKUPAPI_RESTORE_NONE;
}

static status find_restore(
	const struct server *server, struct backupapi_server_info *info)
{
	struct registration *r = NULL;
	status rc = registration_load(server, &r);

	if (failed(rc) || !r)
		return rc;
	info->restore = restore_state(r->state);
	info->restore_maker = r->maker;
	info->restore_result = r->failure;
	info->restore_time = r->time / NANOSECONDS;
	registration_free(r);
	return STATUS_OK;
}

/* What a chain says about the next backup: of a store without logs a full one. */
static uint32_t full_required(
	const struct history_chain *chain, const struct backupapi_server_info *info)
{
	return !info->has_logs || !chain->full.taken || chain->needs_full ||
	       chain->incremental_disabled;
}

static void add_chain(
	const struct history_chain *chain, struct backupapi_server_info *info)
{
	info->last_full_time = chain->full.taken ? chain->full.time : 0;
	info->last_incremental_time =
		chain->incremental.taken ? chain->incremental.time : 0;
	info->full_required = full_required(chain, info);
	info->next_generation = info->full_required ? 0 : chain->next_generation;
}

static void add_ds_chain(
	const struct history_chain *chain, struct backupapi_server_info *info)
{
	info->ds_last_full_time = chain->full.taken ? chain->full.time : 0;
	info->ds_last_incremental_time =
		chain->incremental.taken ? chain->incremental.time : 0;
	info->ds_full_required = full_required(chain, info);
	info->ds_next_generation = info->ds_full_required ? 0 : chain->next_generation;
}

/* After add_engine(). */
static status find_history(
	const struct server *server, struct backupapi_server_info *info)
{
	struct history h;
	status rc = history_load(server, &h);

	if (failed(rc))
		return rc;
	add_chain(server->families & FAMILY_CERTSRV ? &h.certsrv : &h.ds, info);
	if (server->families & FAMILY_DS)
		add_ds_chain(&h.ds, info);
	return STATUS_OK;
}

static const char *text_at(const char *block, size_t place)
{
	return place ? block + place : NULL;
}

static struct backupapi_server_info *make_block(const struct buffer *b,
	const struct backupapi_server_info *info, const struct places *at)
{
	struct backupapi_server_info *block =
		buffer_failed(b) ? NULL : alloc_block(ALLOC_NATIVE, b->size);
	const char *text = (const char *)block;

	if (!block)
		return NULL;
	memcpy(block, b->data, b->size);
	*block = *info;
	block->size = sizeof(*block);
	block->name = text_at(text, at->name);
	block->authority = text_at(text, at->authority);
	block->engine = text_at(text, at->engine);
	block->state_dir = text_at(text, at->state_dir);
	block->config_file = text_at(text, at->config_file);
	block->databases = text_at(text, at->databases);
	block->log_dir = text_at(text, at->log_dir);
	block->system_dir = text_at(text, at->system_dir);
	return block;
}

static status collect(const struct server *server, struct backupapi_server_info **block)
{
	struct backupapi_server_info info = {0};
	struct places at = {0};
	struct buffer b = {0};
	status rc;

	buffer_add(&b, &info, sizeof(info));
	add_server(server, &info, &at, &b);
	rc = add_engine(server, &info, &at, &b);
	if (!failed(rc))
		rc = add_locations(server, &info, &at, &b);
	if (!failed(rc))
		rc = find_state(server, &info);
	if (!failed(rc))
		rc = find_restore(server, &info);
	if (!failed(rc))
		rc = find_history(server, &info);
	if (!failed(rc)) {
		*block = make_block(&b, &info, &at);
		if (!*block)
			rc = status_no_memory();
	}
	buffer_free(&b);
	return rc;
}

int32_t backupapi_server_status(const char *server, struct backupapi_server_info **info)
{
	struct server *found;
	status rc;

	status_begin();
	if (!info)
		return status_publish(argument_invalid(__func__, "info is NULL"));
	*info = NULL;
	rc = server_find(FAMILY_ANY, server, &found);
	if (!failed(rc)) {
		rc = collect(found, info);
		server_free(found);
	}
	return status_publish(rc);
}
