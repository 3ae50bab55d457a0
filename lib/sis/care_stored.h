/*
 * care_stored.h - what is in the common store
 */
#ifndef SIS_CARE_STORED_H
#define SIS_CARE_STORED_H

#include "base/names.h"
#include "sis/care_run.h"
#include "sis/guid_table.h"

struct stored_file {
	uuid_t guid;
	uint64_t size;
	bool regular; /* and the store owner's: can be used */
	bool needed;  /* by a link */
	bool damaged;
	bool aside; /* by gc, until it looked once more */

	/* Of the links to it that Windows made. */
	bool foreign_known;
	uint64_t foreign_checksum;
};

/* All zero is an empty one. */
struct stored_files {
	struct guid_table by_guid; /* of struct stored_file */
	struct names leftovers; /* what crashed runs left: temporary files, lone sums */
	struct names damaged;   /* <guid>.damaged: what a restore refused */
};

/* While the store is pinned or excluded, also what a crashed gc had set aside, under its
 * own name again. */
status stored_files_read(const struct care_run *run, struct stored_files *files);
struct stored_file *stored_files_find(
	const struct stored_files *files, const uuid_t guid);
void stored_files_free(struct stored_files *files);

/* Calls DO_EACH for every file in no certain order, until it fails. */
status stored_files_each(struct care_run *run, const struct stored_files *files,
	status (*do_each)(struct care_run *run, void *context, struct stored_file *file),
	void *context);

/* Those that a restore set aside as damaged are orphans: no link reads as they do. */
status stored_files_report_damaged(
	struct care_run *run, const struct stored_files *files);

/* Removes what crashed runs left behind. The store must be excluded. */
status stored_files_tidy(const struct care_run *run, const struct names *leftovers);

#endif
