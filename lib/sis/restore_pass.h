/*
 * restore_pass.h - what a restore pass knows, for restore*.c and resolve*.c
 */
#ifndef SIS_RESTORE_PASS_H
#define SIS_RESTORE_PASS_H

#include "sis/guid_table.h"
#include "sis/reparse.h"
#include "sis/restore.h"

/* A store file that links name, or that the caller restored. */
struct restored_file {
	uuid_t guid;
	bool named; /* to the caller, for restoring */

	bool aside;        /* it was good, and stands by until the caller restored it */
	bool doubted;      /* it came back from there: not for links without the mark */
	bool good;         /* it is on the volume, with the content that SUM says */
	bool restored;     /* the caller wrote it in this pass */
	bool recorded;     /* its sum stands beside it */
	bool contradicted; /* by a link, while nothing was recorded */
	struct store_sum sum;

	size_t links; /* the last of its links, counted from 1 */

	/* Windows' content checksum that most of its links say: only that they agree can
	 * be told. */
	uint64_t foreign_checksum;
	size_t foreign_votes;
};

struct restored_link {
	char *path;
	struct restored_file *file;
	size_t next; /* another link to the file, or 0 */

	/* The file that the caller wrote; no other may take its place. */
	dev_t device;
	ino_t inode;
	uid_t owner;

	/* What it says of the store file. */
	bool has_size, marked;
	uint64_t size, checksum;

	uint8_t reparse[REPARSE_SIZE];
	bool ready;     /* to be filled, and marked where it will be */
	bool was_bare;  /* when it was made ready */
	bool resolved;  /* has its content */
	bool left_bare; /* without content, as was meant */
};

struct sis_restore {
	struct volume *volume;
	struct store *store;
	char *store_path;
	bool bare;
	uint64_t begin_index; /* MaxIndex when the pass began */
	uint64_t max_index;   /* of the links */
	struct guid_table files;
	struct restored_link *links;
	size_t link_count, link_capacity;
};

/* ---- restore_claims.c ---- */

/* Does LINK say of its store file what is true? Of Windows' content checksums nobody
 * knows. */
bool claim_holds(const struct restored_link *link, const struct store_sum *sum);

/* LINK, to FILE, is about to be added. Looks whether FILE is on the volume already, and
 * may be used without being restored. ERROR_CRC: LINK contradicts a file that is
 * right. */
status claim_check(struct sis_restore *restore, const struct restored_link *link,
	struct restored_file *file);

/* The caller wrote FILE. */
status claim_restored(struct sis_restore *restore, struct restored_file *file);

/* Moves a store file out of the way that was found damaged and has no record which could
 * tell so later. */
void claim_set_aside(const struct sis_restore *restore, struct restored_file *file);

/* Those that were asked for and not restored, or damaged, come back from aside. */
status claim_bring_back(struct sis_restore *restore);

/* ---- resolve*.c ---- */

/* Gives every link its content and vouches for it. The first failure is returned after
 * all was tried. */
status resolve_links(struct sis_restore *restore);

/* The link NAME in DIRFD, which is LINK's, in two steps, the file system being synced after
 * each: it is marked as one that is being filled, so that half of it is never taken for
 * all; and it gets its content. */
status resolve_begin(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name);
status resolve_content(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name);

/* The same on NTFS; and the mark is removed, which elsewhere the record replaces. */
status resolve_begin_ntfs(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name);
status resolve_content_ntfs(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name);
status resolve_settle_ntfs(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name);

/* The file itself, for writing, whatever stands under its name later. */
status resolve_open(
	const struct restored_link *link, int dirfd, const char *name, int *fd);
status resolve_put(const struct sis_restore *restore, struct restored_link *link, int fd);

/* Is what a look for a reparse point gave, with RC, LINK's? */
bool resolve_is_present(
	status rc, const struct restored_link *link, const uint8_t *present, size_t size);

/* Is ST the file that the caller wrote? ERROR_SHARING_VIOLATION */
status resolve_check_same(const struct restored_link *link, const struct stat *st);

#endif
