#include "esecheck/show.h"

#include <stddef.h>

static const char *const states[] = {
	[BACKUPAPI_ESE_STATE_CREATED] = "just created",
	[BACKUPAPI_ESE_STATE_DIRTY] = "dirty shutdown",
	[BACKUPAPI_ESE_STATE_CLEAN] = "clean shutdown",
	[BACKUPAPI_ESE_STATE_CONVERTING] = "being converted",
	[BACKUPAPI_ESE_STATE_FORCE_DETACHED] = "detached by force",
	[BACKUPAPI_ESE_STATE_RESEEDED] = "incremental reseed",
	[BACKUPAPI_ESE_STATE_DIRTY_PATCHED] = "dirty and patched",
	[BACKUPAPI_ESE_STATE_REVERTING] = "revert in progress",
};

static const char *const kinds[] = {
	[BACKUPAPI_ESE_KIND_DATABASE] = "database",
	[BACKUPAPI_ESE_KIND_STREAMING] = "streaming file",
	[BACKUPAPI_ESE_KIND_LOG] = "log",
	[BACKUPAPI_ESE_KIND_CHECKPOINT] = "checkpoint",
	[BACKUPAPI_ESE_KIND_TEMPORARY] = "temporary database",
	[BACKUPAPI_ESE_KIND_FLUSH_MAP] = "flush map",
	[BACKUPAPI_ESE_KIND_SPARE_LOG] = "spare log",
};

static const char *look_up(const char *const *table, size_t count, uint32_t value)
{
	return value < count && table[value] ? table[value] : "unknown";
}

const char *show_state(uint32_t state)
{
	return look_up(states, sizeof(states) / sizeof(states[0]), state);
}

const char *show_kind(uint32_t kind)
{
	return look_up(kinds, sizeof(kinds) / sizeof(kinds[0]), kind);
}
