/*
 * attributes.h - giving a file back what it was besides its content
 */
#ifndef SISBACKUP_ATTRIBUTES_H
#define SISBACKUP_ATTRIBUTES_H

#include "sisbackup/catalog.h"

/* What the file system, or the user's rights, did not keep: of any file so far. */
enum lost {
	LOST_OWNERS = 1 << 0,
	LOST_MODES = 1 << 1,
	LOST_ACLS = 1 << 2,
	LOST_ATTRIBUTES = 1 << 3,
	LOST_TIMES = 1 << 4,
};

/* What makes a file a link, and what is of the system: never saved as an attribute, never
 * given back as one, whatever a set says. */
bool attributes_left_out(const char *name);

/* Owner, extended attributes, mode, ACLs and last the times of ENTRY, to what FD is open
 * on (O_PATH will do). What is not kept is added to *LOST. False: reported. */
bool attributes_apply(
	int fd, const char *label, const struct entry *entry, unsigned *lost);

/* The same to NAME in DIRFD itself. */
bool attributes_apply_at(int dirfd, const char *name, const char *label,
	const struct entry *entry, unsigned *lost);

/* One line that says what was lost. */
void attributes_warn(unsigned lost, const char *volume);

#endif
