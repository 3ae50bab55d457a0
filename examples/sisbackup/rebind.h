/*
 * rebind.h - which store file a restored link is to have
 *
 * A set may name any store file of the volume; it gets none whose content it does not
 * hold itself.
 */
#ifndef SISBACKUP_REBIND_H
#define SISBACKUP_REBIND_H

#include "sisbackup/restore.h"

/* The reparse buffer that the link ENTRY is to have, to be freed (entry->reparse_size
 * bytes); its own where the volume has no such store file or one with the set's content,
 * else one with a new GUID. NULL: it is to be a plain file. */
unsigned char *rebind_link(struct restore *r, const struct entry *entry);

/* The entry of the set that is to be the store file NAME of the volume; NULL: none. */
const struct entry *rebind_store_entry(const struct restore *r, const char *name);

void rebind_free(struct restore *r);

#endif
