#include "sisbackup/places.h"

struct places places_of(const struct entry *entry)
{
	return (struct places){.ranges = entry->sparse ? &entry->ranges : NULL};
}

size_t places_next(struct places *places, size_t size, uint64_t *offset)
{
	const struct backupapi_range *range;

	if (!places->ranges) {
		*offset = places->done;
		return size;
	}
	while (places->range < places->ranges->count &&
		places->done == places->ranges->items[places->range].length) {
		places->range++;
		places->done = 0;
	}
	if (places->range == places->ranges->count)
		return 0;
	range = &places->ranges->items[places->range];
	*offset = range->offset + places->done;
	return size < range->length - places->done
		       ? size
		       : (size_t)(range->length - places->done);
}

void places_pass(struct places *places, size_t count)
{
	places->done += count;
}
