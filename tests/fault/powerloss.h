/*
 * powerloss.h - what a disk holds when the power goes
 *
 * A shadow of a directory tree, kept by inode: a file's content is durable as it was at
 * its last fsync, a directory's entries as they were at its last one. What was there at
 * the beginning is durable. No other event is needed, for a sync reads what the real
 * tree holds at that moment. Inodes are held open, so that no number is used twice.
 */
#ifndef TESTS_FAULT_POWERLOSS_H
#define TESTS_FAULT_POWERLOSS_H

#include "base/file.h"

/* Contents survive only where they were synced; a file without any comes back empty.
 * Of directories' unsynced changes, these survive: */
enum powerloss {
	POWERLOSS_NOTHING, /* none */
	POWERLOSS_NEW_NAMES, /* names that were added, not those removed: a rename leaves both */
	POWERLOSS_ALL_NAMES, /* all */
	POWERLOSS_KINDS
};

/* Begins the shadow of all below ROOT, an absolute path. */
void powerloss_begin(const char *root);

/* For file_step_hook. */
void powerloss_note(const struct file_event *event);

/* Writes the tree that is left of ROOT to TARGET, which must not exist. */
void powerloss_rebuild(enum powerloss kind, const char *target);

#endif
