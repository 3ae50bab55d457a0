/*
 * volset.h - a volume's backup set as found on a disk, which is not to be trusted
 */
#ifndef SISBACKUP_VOLSET_H
#define SISBACKUP_VOLSET_H

#include "common/set_dir.h"
#include "sisbackup/catalog.h"
#include "sisbackup/volinfo.h"

struct volset {
	struct set_dir files;
	struct volinfo info;
	struct catalog catalog;
};

/* Reads what describes the set DIR, against its checksums. False: reported; volset_close
 * is needed either way. */
bool volset_open(struct volset *set, const char *dir);
void volset_close(struct volset *set);

/* Every byte against SHA256SUMS, store files also against what links say of them, and that
 * all is there and nothing else. */
bool volset_verify(struct volset *set, struct digest *digest);

/* Its entries other than directories, and the bytes saved for them. */
uint64_t volset_count(const struct volset *set);
uint64_t volset_bytes(const struct volset *set);

#endif
