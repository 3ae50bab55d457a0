/*
 * place.h - putting saved files where they belong, as they were
 *
 * Databases are staged beside their target, where nothing can start on them before
 * recovery renames them; other files replace what is there in one step. Directories that
 * are missing come back with the owner and mode that MANIFEST gives them. The way
 * there is walked as trusted.h says, and names in the target's directory are made without
 * following symbolic links.
 */
#ifndef COMMON_PLACE_H
#define COMMON_PLACE_H

#include <stdbool.h>

#include "common/plan.h"
#include "common/syncer.h"

struct place {
	struct digest *digest;
	struct syncer syncer;
	struct strings made; /* directories, in the order in which they were made */
	char *directory;     /* of the last target: the two descriptors are its */
	int fd;
	int staging_fd;
};

void place_init(struct place *place, struct digest *digest);

/* False: reported, or a signal was caught. Durable after place_sync. */
bool place_staged(struct place *place, const struct move *move);
bool place_directly(struct place *place, const struct move *move);

/* Copies ITEM, a log, into DIRECTORY, which is made in a staging directory, both of mode
 * 0700. */
bool place_log(struct place *place, struct set *set, const struct item *item,
	const char *directory);

/* Makes DIRECTORY, where it is missing, as the directory OLD of SET was. */
bool place_directory(struct place *place, const char *directory, const struct set *set,
	const char *old);

bool place_sync(struct place *place);

/* Removes those of the directories made that are empty. */
void place_undo(struct place *place);

void place_free(struct place *place);

#endif
