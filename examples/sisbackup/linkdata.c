#include "sisbackup/linkdata.h"

#include <string.h>

#include "sis/words.h"

#define MARK_AT 12u /* of who made the link */

static const unsigned char tag[] = {0x07, 0x00, 0x00, 0x80};
static const unsigned char version[] = {0x05, 0x00, 0x00, 0x00};
static const unsigned char mark[] = {'B', 'K', 'A', '1'};

/* The library refuses what is damaged. */
bool linkdata_is_known(const struct entry *entry)
{
	return entry->reparse_size >= LINK_SIZE &&
	       !memcmp(entry->reparse, tag, sizeof(tag)) &&
	       !memcmp(entry->reparse + LINK_DATA_AT, version, sizeof(version));
}

bool linkdata_content(const struct entry *entry, uint64_t *checksum)
{
	*checksum = 0;
	if (!linkdata_is_known(entry) ||
		memcmp(entry->reparse + MARK_AT, mark, sizeof(mark)) != 0)
		return false;
	*checksum = words_load_u64(entry->reparse + LINK_CONTENT_AT);
	return true;
}

bool linkdata_fits(const struct entry *link, uint64_t size, uint64_t checksum, bool *told)
{
	uint64_t said;

	*told = linkdata_content(link, &said);
	return !*told || (said == checksum && link->size == size);
}
