/* What databases need of a set of logs (ese_logset.h). */
#include <inttypes.h>

#include "engine/ese_logset.h"

status ese_need_add(
	struct ese_need *need, const struct ese_header *header, const char *path)
{
	if (header->state == ESE_STATE_CLEAN || header->min_required == 0)
		return STATUS_OK;
	if (header->max_required < header->min_required ||
		header->max_required > INT32_MAX)
		return status_fail(hrDatabaseCorrupted,
			"%s: it needs the logs from 0x%" PRIX32 " to 0x%" PRIX32
			", by its header",
			path, header->min_required, header->max_required);
	if (!ese_signature_set(&need->signature))
		need->signature = header->log_signature;
	else if (ese_signature_set(&header->log_signature) &&
		 !ese_signature_equal(&need->signature, &header->log_signature))
		return status_fail(hrBadLogSignature,
			"%s: was written with other logs than the databases before it",
			path);
	if (need->low == 0 || header->min_required < need->low)
		need->low = header->min_required;
	if (header->max_required > need->high)
		need->high = header->max_required;
	if (header->committed > need->committed)
		need->committed = header->committed;
	return STATUS_OK;
}

enum ese_supply ese_need_supply(const struct ese_need *need, const struct ese_logset *set)
{
	uint32_t end, newest;

	if (need->low == 0)
		return ESE_SUPPLY_COMPLETE;
	end = ese_logset_end_of_row(set, need->low);
	newest = set->count ? set->items[set->count - 1].generation : 0;
	if (end >= need->high)
		return end < need->committed ? ESE_SUPPLY_LOSES_COMMITS
					     : ESE_SUPPLY_COMPLETE;
	return newest <= end || newest < need->low ? ESE_SUPPLY_ENDS_EARLY
						   : ESE_SUPPLY_HAS_GAPS;
}

/* The first generations from LOW to HIGH that are not there. */
static void find_missing(const struct ese_logset *set, uint32_t low, uint32_t high,
	uint32_t *first, uint32_t *last)
{
	size_t i = 0;

	*first = ese_logset_end_of_row(set, low) + 1;
	while (i < set->count && set->items[i].generation < *first)
		i++;
	*last = i < set->count && set->items[i].generation <= high
			? set->items[i].generation - 1
			: high;
}

status ese_need_check(const struct ese_need *need, const struct ese_logset *set)
{
	const enum ese_supply supply = ese_need_supply(need, set);
	uint32_t first, last;

	if (supply == ESE_SUPPLY_COMPLETE || supply == ESE_SUPPLY_LOSES_COMMITS)
		return STATUS_OK;
	find_missing(set, need->low, need->high, &first, &last);
	return status_fail(hrMissingLogFile,
		"%s: the databases need the logs %s 0x%" PRIX32 " to 0x%" PRIX32
		"; 0x%" PRIX32 " to 0x%" PRIX32 " are missing",
		set->path, set->base, need->low, need->high, first, last);
}
