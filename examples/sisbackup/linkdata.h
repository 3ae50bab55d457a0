/*
 * linkdata.h - what is in the reparse buffer of a link
 */
#ifndef SISBACKUP_LINKDATA_H
#define SISBACKUP_LINKDATA_H

#include "sisbackup/catalog.h"

/* Of format version 5. */
#define LINK_SIZE        72u
#define LINK_DATA_AT     8u
#define LINK_GUID_AT     16u
#define LINK_CONTENT_AT  56u
#define LINK_CHECKSUM_AT 64u

/* Has ENTRY, a link, a buffer of that format? */
bool linkdata_is_known(const struct entry *entry);

/* The checksum that ENTRY has for its store file's content. False: nobody knows how it was
 * computed (Windows). */
bool linkdata_content(const struct entry *entry, uint64_t *checksum);

/* Can LINK have been made from a store file of SIZE bytes whose content has CHECKSUM?
 * *TOLD: it says so itself. */
bool linkdata_fits(
	const struct entry *link, uint64_t size, uint64_t checksum, bool *told);

#endif
