/*
 * restore_pass.h - what a restore pass knows, for restore.c and resolve.c
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

	/* What the links say; of Windows' content checksums only that they agree. */
	bool size_known, checksum_known, foreign_known;
	uint64_t size, checksum, foreign_checksum;

	bool good; /* it is on the volume, as the links say */
	struct store_sum sum;
};

struct restored_link {
	char *path;
	struct restored_file *file;
	uint8_t reparse[REPARSE_SIZE];
	bool resolved;
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

/* Gives every link its content and vouches for it. The first failure is returned after
 * all was tried. */
status resolve_links(struct sis_restore *restore);

/* The content of the link NAME in DIRFD, which is LINK's. */
status resolve_content(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name);

#endif
