/* The pin, measured with libdb 5.3.28: a transaction has a place in the log from its first
 * record on; a comment record (log_printf) is enough, needs no database of ours in the
 * server's environment, and takes no lock. While that transaction lives, each checkpoint of
 * any process says that recovery begins no later than there, and neither DB_ARCH_REMOVE nor
 * a list of removable logs goes beyond. Recovery takes the record for what it is. */
#include "engine/bdb.h"

#include <stdlib.h>

#include "engine/bdb_names.h"

status bdb_pin(struct bdb_env *env, DB_TXN **pin)
{
	int code = env->handle->txn_begin(env->handle, NULL, pin, 0);

	if (code) {
		*pin = NULL;
		return bdb_failure(env, code, env->home, "beginning a transaction");
	}
	code = env->handle->log_printf(env->handle, *pin, "backup in progress");
	return code ? bdb_failure(env, code, env->home, "writing to the log") : STATUS_OK;
}

status bdb_unpin(struct bdb_env *env, DB_TXN **pin)
{
	DB_TXN *txn = *pin;
	status rc;
	int code;

	if (!txn)
		return STATUS_OK;
	*pin = NULL;
	rc = bdb_still_joined(env);
	if (failed(rc))
		return rc;
	code = txn->abort(txn);
	return code ? bdb_failure(env, code, env->home, "releasing the logs") : STATUS_OK;
}

status bdb_checkpoint(struct bdb_env *env)
{
	status rc = bdb_still_joined(env);
	int code;

	if (failed(rc))
		return rc;
	code = env->handle->txn_checkpoint(env->handle, 0, 0, DB_FORCE);
	return code ? bdb_failure(env, code, env->home, "checkpoint") : STATUS_OK;
}

/* ---- which logs ---- */

static uint32_t lowest(char **list)
{
	uint32_t low = 0, generation;

	for (char **name = list; name && *name; name++)
		if (bdb_log_generation(*name, &generation, NULL, NULL) &&
			(!low || generation < low))
			low = generation;
	return low;
}

static uint32_t highest(char **list)
{
	uint32_t high = 0, generation;

	for (char **name = list; name && *name; name++)
		if (bdb_log_generation(*name, &generation, NULL, NULL) &&
			generation > high)
			high = generation;
	return high;
}

/* Those that nobody needs are asked for first: what the server removes in between is then
 * missing from the second list, and nothing that is needed is. */
status bdb_needed_logs(struct bdb_env *env, uint32_t *first, uint32_t *newest)
{
	char **done = NULL, **all = NULL;
	int code = env->handle->log_archive(env->handle, &done, 0);

	if (!code)
		code = env->handle->log_archive(env->handle, &all, DB_ARCH_LOG);
	if (!code) {
		*first = lowest(all);
		*newest = highest(all);
		if (highest(done) >= *first)
			*first = highest(done) + 1;
	}
	free(done);
	free(all);
	if (code)
		return bdb_failure(env, code, env->log_dir, "listing the logs");
	if (*newest == 0 || *first > *newest)
		return status_fail(hrLogFileNotFound,
			"%s: the environment has no logs there", env->log_dir);
	return STATUS_OK;
}

/* The end is noted first: what is flushed then reaches at least that far. */
status bdb_log_end(struct bdb_env *env, uint32_t *newest, uint32_t *length)
{
	DB_LOG_STAT *now;
	status rc = bdb_still_joined(env);
	int code;

	if (failed(rc))
		return rc;
	code = env->handle->log_stat(env->handle, &now, 0);
	if (!code) {
		*newest = now->st_cur_file;
		*length = now->st_cur_offset;
		free(now);
		code = env->handle->log_flush(env->handle, NULL);
	}
	return code ? bdb_failure(env, code, env->log_dir, "flushing the log")
		    : STATUS_OK;
}
