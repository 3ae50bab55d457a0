/*
 * care_supply.h - the common-store file that a set of duplicates is to share
 */
#ifndef SIS_CARE_SUPPLY_H
#define SIS_CARE_SUPPLY_H

#include "sis/care_items.h"

struct supply {
	uuid_t guid;
	int fd; /* -1: none */
	uint64_t inode;
	struct store_sum sum;
	char *path; /* below the volume */
};

/* May the file of ITEM, whose state is ST, be a link? In a store that is not root's only
 * its owner's files may: he can read what is in it. Ordinary users can vouch only for
 * what nobody else may write. ERROR_ACCESS_DENIED. */
status supply_may_have(
	const struct care_run *run, const struct care_item *item, const struct stat *st);

/* The store file ITEM. ERROR_CRC: it is damaged. */
status supply_use(
	const struct care_run *run, const struct care_item *item, struct supply *supply);

/* A new one with ITEM's content, in three steps, so that many can share what makes them
 * durable. First under a temporary name, not open, and with its sum; then, all of that
 * being synced, with its own name; then, the store's directory being synced too, open. */
status supply_prepare(
	const struct care_run *run, const struct care_item *item, struct supply *supply);
status supply_name(const struct care_run *run, const struct supply *supply);
status supply_open(const struct care_run *run, struct supply *supply);

/* Takes back one that has no name yet. */
void supply_cancel(const struct care_run *run, const struct supply *supply);

/* Takes a new one back that nothing links to, unless another run could have taken a
 * liking to it; then gc will. RC: why; where it is a failure, its explanation stays. */
void supply_discard(const struct care_run *run, const struct supply *supply, status rc);

void supply_close(struct supply *supply);

#endif
