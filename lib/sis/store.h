/*
 * store.h - the common store of a volume: <guid>.sis files and MaxIndex
 *
 * The directory belongs to root or to the user who made it, mode 0700. Beside each
 * file <guid>.sis stands <guid>.sum with its size and SHA-256, for the files that this
 * library put there or verified.  MaxIndex is the highest link index given out, eight
 * bytes, little-endian; it is replaced durably and never goes back.
 */
#ifndef SIS_STORE_H
#define SIS_STORE_H

#include <sys/stat.h>

#include <uuid/uuid.h>

#include "base/fork_close.h"
#include "sis/sum_record.h"
#include "sis/volume.h"

#define STORE_NAME           "SIS Common Store"
#define STORE_MAX_INDEX      "MaxIndex"
#define STORE_LOCK           ".lock"
#define STORE_FILE_NAME_SIZE 41 /* guid, ".sis", NUL */

struct store {
	const struct volume *volume;
	int fd;
	uid_t owner;
	struct fork_close lock; /* fd -1: nothing is pinned */
};

/* ERROR_PATH_NOT_FOUND where the volume has none and CREATE is false; ERROR_ACCESS_DENIED
 * for one that is a symbolic link, or that others than root and its owner may write; with
 * CREATE, that is to say for putting something in, also to root where the store is
 * neither root's nor the volume's owner's. */
status store_open(const struct volume *volume, bool create, struct store **store);
void store_close(struct store *store); /* NULL is fine; unpins */

/* Owner: the directory's. What others than root and the owner could have put there is
 * never used. On NTFS, where ntfs-3g invents modes, they are not looked at. */

/* Many may pin (no file disappears meanwhile); one may have the store for itself (gc):
 * ERROR_BUSY. They hold until store_close. A read-only store needs no pin. */
status store_pin(struct store *store);
status store_exclude(struct store *store);

void store_file_name(const uuid_t guid, char name[STORE_FILE_NAME_SIZE]);

/* "<volume>/SIS Common Store/<name>" in a new string; NULL where memory is short. */
char *store_path(const struct store *store, const char *name);

/* The GUID in a name "<guid>.sis" (any case); false where it is not one. */
bool store_parse_name(const char *name, uuid_t guid);

/* ERROR_FILE_NOT_FOUND; ERROR_INVALID_DATA where it is no regular file;
 * ERROR_ACCESS_DENIED where it is not the store owner's, unless that is root: a hard link
 * to somebody else's file. */
status store_stat(const struct store *store, const uuid_t guid, struct stat *st);
status store_open_file(const struct store *store, const uuid_t guid, int *fd);

/* The same for one that store_stat just found. */
status store_open_found(const struct store *store, const uuid_t guid, int *fd);

/* The recorded sum; ERROR_FILE_NOT_FOUND where there is none, ERROR_INVALID_DATA where it
 * is damaged. Replacing a store file: remove its sum first, set the new one last. */
status store_get_sum(const struct store *store, const uuid_t guid, struct store_sum *sum);
status store_set_sum(
	const struct store *store, const uuid_t guid, const struct store_sum *sum);
status store_remove_sum(const struct store *store, const uuid_t guid);

/* The same in two steps, for many at a time: ahead of the second, and after all of them,
 * the caller syncs; cancelled, nothing is left. */
status store_prepare_sum(
	const struct store *store, const uuid_t guid, const struct store_sum *sum);
status store_put_prepared_sum(const struct store *store, const uuid_t guid);
void store_cancel_sum(const struct store *store, const uuid_t guid);

/* Reads the file and computes all of it. */
status store_compute_sum(
	const struct store *store, const uuid_t guid, struct store_sum *sum);
status store_compute_sum_of(int fd, const char *path, struct store_sum *sum);

/* gc sets a file that no link seems to need aside before it looks once more, with the
 * store excluded, and a restore pass a good one that is to be restored all the same; not
 * durable until the directory is synced. Whoever looks for a file that is aside, and has no
 * successor, brings it back: store_stat and store_open_file do. */
status store_set_aside(const struct store *store, const uuid_t guid);
bool store_is_aside(const struct store *store, const uuid_t guid);

/* One that is aside and has a successor: that is replaced by it, and called
 * <guid>.damaged, where its content is not what is recorded; else what is aside goes. */
status store_settle_aside(const struct store *store, const uuid_t guid);

/* Removes what is aside, if anything is; not durable. */
status store_forget_aside(const struct store *store, const uuid_t guid);

/* <guid>.sis becomes <guid>.damaged, durably. */
status store_set_damaged(const struct store *store, const uuid_t guid);

/* Durable; one that has its name is fine. ERROR_FILE_NOT_FOUND: it has neither. */
status store_bring_back(const struct store *store, const uuid_t guid);

/* Durable, with its sum. Not *REMOVED: somebody brought it back. */
status store_remove_aside(const struct store *store, const uuid_t guid, bool *removed);

/* The highest index there can be. What is above was not given out: a MaxIndex above it is
 * damaged, and as a floor it counts for nothing. */
#define STORE_INDEX_LIMIT ((uint64_t)INT64_MAX)

/* The highest that a link or a MaxIndex from elsewhere may say: counting up from 1 nobody
 * gets there, MaxIndex is raised to what a restored link says, and whoever made that must
 * not be able to use the numbers up. As many again are above it. */
#define STORE_INDEX_CREDIBLE ((uint64_t)1 << 62)

/* A new index for a link, durable before it is returned; ERROR_INVALID_STATE at the end
 * of the numbers. None is given out twice, though callers of a restore pass replace
 * MaxIndex: the lock file keeps the highest too. store_raise_index makes MaxIndex at
 * least FLOOR. A MaxIndex that is missing counts as 0 (links in use are above it: callers
 * raise it first); a damaged one is ERROR_INVALID_DATA. */
status store_get_index(const struct store *store, uint64_t *index);
status store_next_index(const struct store *store, uint64_t *index);
status store_raise_index(const struct store *store, uint64_t floor);

/* COUNT new ones at a time, from *FIRST on: one durable change for many links. */
status store_next_indexes(const struct store *store, uint64_t count, uint64_t *first);

/* store_raise_index, at least to what the lock file keeps, where a MaxIndex that is damaged,
 * or not credible and above what the lock file keeps, counts as 0: for putting it in
 * order. */
status store_repair_index(const struct store *store, uint64_t floor);

#endif
