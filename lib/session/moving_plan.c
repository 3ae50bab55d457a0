/* What a registration restores: which files, of which engine, and where to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/home.h"
#include "session/locations.h"
#include "session/moving.h"

status moving_collect(
	const struct server *server, const struct registration *reg, struct moving *m)
{
	status rc = STATUS_OK;

	*m = (struct moving){
		.server = server,
		.reg = reg,
		.walk = reg->maker == 0 ? FILE_TRUSTED : FILE_NO_SYMLINK,
	};
	for (size_t i = 0; i < reg->target_count && !failed(rc); i++) {
		rc = names_add(&m->places, reg->targets[i].new_path);
		if (!failed(rc))
			rc = names_add(&m->former, reg->targets[i].old_path);
	}
	names_sort(&m->places);
	names_sort(&m->former);
	return rc;
}

status moving_find_engine(struct moving *m, const struct names *contents)
{
	const struct store_config *store = &m->server->store;
	const char *name = store->engine;
	status rc;

	if (strcmp(name, "auto") == 0 && m->reg->replaced && m->reg->choice.engine)
		name = m->reg->choice.engine;
	if (contents->count == 0 && strcmp(name, "auto") == 0)
		rc = engine_find(store, &m->engine);
	else
		rc = engine_for_files(name, contents, &m->engine);
	return failed(rc) ? rc : engine_check_store(m->engine, store);
}

/* Logs go into that directory and come from it. */
static status check_log_dir(const struct moving *m)
{
	char *file;
	bool inside;

	if (!(m->engine->traits & ENGINE_LOGS) || m->reg->maker == 0 || geteuid() != 0)
		return STATUS_OK;
	if (asprintf(&file, "%s/log", m->log_dir) < 0)
		return status_no_memory();
	inside = locations_inside(m->server, file);
	free(file);
	if (inside)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: outside the configured directories of %s, and the restore was "
		"registered by user %u",
		m->log_dir, m->server->name, (unsigned)m->reg->maker);
}

/* Once files are moved, only where they went counts: the same configuration may mean
 * another place now that they are there. */
static status find_home(struct moving *m)
{
	const struct restore_choice *choice = &m->reg->choice;
	status rc;

	if (!m->reg->replaced || !choice->log_dir) {
		rc = home_find(m->server, m->engine, m->reg, &m->home);
		return failed(rc) ? rc
				  : home_log_dir(m->server, m->engine, m->reg, m->home,
					    &m->log_dir);
	}
	m->log_dir = strdup(choice->log_dir);
	if (choice->home && (m->engine->traits & ENGINE_DIRECTORY))
		m->home = strdup(choice->home);
	if (!m->log_dir ||
		(choice->home && !m->home && (m->engine->traits & ENGINE_DIRECTORY)))
		return status_no_memory();
	return home_check(m->server, m->reg, m->home);
}

status moving_find_home(struct moving *m)
{
	const struct store_config store =
		config_with_engine(&m->server->store, m->engine->name);
	status rc = find_home(m);

	if (!failed(rc))
		rc = check_log_dir(m);
	if (failed(rc))
		return rc;
	m->store = home_relocate(&store, &m->home, m->log_dir);
	if (m->home && strcmp(m->home, m->server->store.databases.items[0]) != 0)
		m->store.region_dir = NULL; /* the regions of the old home are not its */
	if (m->reg->checkpoint_path)
		m->store.system_dir = m->reg->checkpoint_path;
	return STATUS_OK;
}

void moving_free(struct moving *m)
{
	names_free(&m->places);
	names_free(&m->former);
	free(m->home);
	free(m->log_dir);
}
