/*
 * A token remembers which privileges its holder called enabled, since programs ask for the
 * former state and put it back; what the process may do is the kernel's to say.
 */
#include <backupapi/compat.h>

#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "base/handle.h"
#include "base/privilege.h"
#include "base/text.h"
#include "server/host.h"

struct privilege {
	const char *name;
	uint32_t number; /* Windows' */
	bool (*held)(void);
};

static const struct privilege privileges[] = {
	{"SeBackupPrivilege", 17, privilege_read_any},
	{"SeRestorePrivilege", 18, privilege_write_any},
};

#define PRIVILEGE_COUNT (sizeof(privileges) / sizeof(privileges[0]))

struct token {
	uint32_t access;
	bool enabled[PRIVILEGE_COUNT];
	bool removed[PRIVILEGE_COUNT];
};

int backupapi_token_open(void *process, uint32_t access, void **handle)
{
	struct token *token = NULL;
	status rc;

	status_begin();
	if (handle)
		*handle = NULL;
	if (!handle)
		return status_publish_win32(argument_invalid(__func__, "token is NULL"));
	if (process != BACKUPAPI_CURRENT_PROCESS)
		return status_publish_win32(status_fail(
			STATUS_WIN32(ERROR_INVALID_HANDLE),
			"process %p: only the current one has a token here", process));
	token = calloc(1, sizeof(*token));
	if (!token)
		return status_publish_win32(status_no_memory());
	token->access = access;
	rc = handle_create(HANDLE_TOKEN, token, handle);
	if (failed(rc))
		free(token);
	return status_publish_win32(rc);
}

uint32_t backupapi_privilege_number(const char *system, const char *name)
{
	status_begin();
	if (!name) {
		(void)status_publish_win32(argument_invalid(__func__, "name is NULL"));
		return 0;
	}
	while (system && *system == '\\')
		system++;
	if (system && !host_is_this(system)) {
		(void)status_publish_win32(
			status_fail(STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE),
				"%s: privileges are those of this host alone", system));
		return 0;
	}
	for (size_t i = 0; i < PRIVILEGE_COUNT; i++)
		if (text_compare_nocase(privileges[i].name, name) == 0)
			return privileges[i].number;
	(void)status_publish_win32(status_fail(STATUS_WIN32(ERROR_NO_SUCH_PRIVILEGE),
		"%s: not SeBackupPrivilege or SeRestorePrivilege", name));
	return 0;
}

/* ---- adjusting ---- */

/* What is to become of a token. */
struct change {
	struct token after;
	struct backupapi_privilege former[PRIVILEGE_COUNT];
	uint32_t count_former;
	bool passed_over;
};

static bool set(struct change *change, size_t i, uint32_t attributes)
{
	struct token *token = &change->after;
	bool enable = (attributes & BACKUPAPI_PRIVILEGE_ENABLED) != 0;

	if (token->removed[i] || (enable && !privileges[i].held()))
		return false;
	if (attributes & BACKUPAPI_PRIVILEGE_REMOVED) {
		token->removed[i] = true;
		enable = false;
	}
	if (token->enabled[i] != enable) {
		change->former[change->count_former++] = (struct backupapi_privilege){
			.low = privileges[i].number,
			.attributes =
				token->enabled[i] ? BACKUPAPI_PRIVILEGE_ENABLED : 0};
		token->enabled[i] = enable;
	}
	return true;
}

/* A privilege that is named twice is changed once: its former state is the first. */
static bool is_repeated(const struct backupapi_privilege *wanted, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (wanted[k].low == wanted[i].low && wanted[k].high == wanted[i].high)
			return true;
	return false;
}

static bool set_wanted(struct change *change, const struct backupapi_privilege *wanted)
{
	for (size_t i = 0; i < PRIVILEGE_COUNT; i++)
		if (wanted->high == 0 && wanted->low == privileges[i].number)
			return set(change, i, wanted->attributes);
	return false;
}

static void plan(struct change *change, int disable_all,
	const struct backupapi_privilege *wanted, uint32_t count)
{
	if (disable_all) {
		for (size_t i = 0; i < PRIVILEGE_COUNT; i++)
			(void)set(change, i, 0);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!is_repeated(wanted, i) && !set_wanted(change, &wanted[i]))
			change->passed_over = true;
}

static status check_access(
	const struct token *token, const struct backupapi_privilege *former)
{
	uint32_t needed = BACKUPAPI_TOKEN_ADJUST | (former ? BACKUPAPI_TOKEN_QUERY : 0);

	if ((token->access & needed) == needed)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"token: opened with access 0x%x, 0x%x is needed", (unsigned)token->access,
		(unsigned)needed);
}

static status adjust(struct token *token, struct change *change,
	struct backupapi_privilege *former, uint32_t capacity, uint32_t *count_former)
{
	if (count_former)
		*count_former = change->count_former;
	if (former && change->count_former > capacity)
		return status_fail(STATUS_WIN32(ERROR_INSUFFICIENT_BUFFER),
			"token: %u privileges would change, there is room for %u",
			(unsigned)change->count_former, (unsigned)capacity);
	if (former)
		memcpy(former, change->former,
			change->count_former * sizeof(struct backupapi_privilege));
	*token = change->after;
	return STATUS_OK;
}

int backupapi_token_adjust(void *handle, int disable_all,
	const struct backupapi_privilege *wanted, uint32_t count,
	struct backupapi_privilege *former, uint32_t capacity, uint32_t *count_former)
{
	struct change change = {0};
	struct token *token;
	status rc;

	status_begin();
	if (count_former)
		*count_former = 0;
	if (!disable_all && !wanted && count)
		return status_publish_win32(
			argument_invalid(__func__, "wanted is NULL, but count is not 0"));
	if (former && !count_former)
		return status_publish_win32(
			argument_invalid(__func__, "count_former is NULL"));
	token = handle_acquire(HANDLE_MASK(HANDLE_TOKEN), handle, NULL);
	if (!token)
		return status_publish_win32(
			status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
				"token %p: not a live one of this process", handle));
	rc = check_access(token, former);
	if (!failed(rc)) {
		change.after = *token;
		plan(&change, disable_all, wanted, count);
		rc = adjust(token, &change, former, capacity, count_former);
	}
	handle_release(handle);
	if (failed(rc))
		return status_publish_win32(rc);
	status_set_last_error(change.passed_over ? ERROR_NOT_ALL_ASSIGNED : 0);
	return 1;
}
