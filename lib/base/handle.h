/*
 * handle.h - handles that are looked up, never dereferenced, never reused
 *
 * A handle is a number dressed as a pointer.  The table finds the object behind it
 * for one call at a time: calls on one handle wait for each other, calls on
 * different handles do not.  A handle belongs to the process that made it: after
 * fork the child's table is empty.
 */
#ifndef BASE_HANDLE_H
#define BASE_HANDLE_H

#include "base/status.h"

enum handle_kind {
	HANDLE_CERTSRV_BACKUP,
	HANDLE_CERTSRV_RESTORE,
	HANDLE_DS_BACKUP,
	HANDLE_DS_RESTORE,
	HANDLE_SIS_BACKUP,
	HANDLE_SIS_RESTORE,
	HANDLE_MODULE, /* these three are for the compatibility headers */
	HANDLE_FILE,
	HANDLE_TOKEN,
	HANDLE_KINDS
};

#define HANDLE_MASK(kind) (1u << (kind))

/* Enters OBJECT (not NULL) in the table. */
status handle_create(enum handle_kind kind, void *object, void **handle);

/* The object behind HANDLE, held for this thread until handle_release, if HANDLE is
 * alive and its kind is in KINDS (a set of HANDLE_MASKs); else NULL and nothing is
 * held. *KIND (may be NULL) receives its kind. */
void *handle_acquire(unsigned kinds, void *handle, enum handle_kind *kind);
void handle_release(void *handle);

/* Takes HANDLE out of the table for good, after the calls under way have ended, and
 * returns its object for the caller to destroy; NULL as above. Of two threads that
 * retire one handle exactly one gets the object. */
void *handle_retire(unsigned kinds, void *handle, enum handle_kind *kind);

#endif
