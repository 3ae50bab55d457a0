/*
 * restore.h - a set, or a part of it, on its way to a volume
 */
#ifndef SISBACKUP_RESTORE_H
#define SISBACKUP_RESTORE_H

#include "common/args.h"
#include "common/digest.h"
#include "common/tree.h"
#include "sisbackup/pass.h"
#include "sisbackup/volset.h"

/* What is to become of an entry. */
enum choice {
	CHOICE_NO,
	CHOICE_WAY, /* a directory that leads to something: made where it is missing */
	CHOICE_YES,
};

struct restore {
	const struct options *options;
	struct volset set;
	char *root; /* absolute, "" for the root directory */
	int fd;
	struct tree tree;
	bool ntfs;
	struct digest *digest;

	unsigned char *choices;        /* per entry */
	struct binding *bindings;      /* per entry, of store files (rebind.h); or NULL */
	const char **restored_as;      /* per entry: the first name its file got */
	bool *created;                 /* per entry: a directory that was missing */
	struct strings links;          /* that were restored, by each of their names */
	struct strings store_names;    /* asked for by them */
	struct strings replaced, kept; /* by links: path, and where it is (replace.h) */
	struct pass *pass;
	unsigned lost;
	uint64_t files, bytes, failed;
	bool stopped; /* nothing more can be written */
};

/* Marks what is selected by PATHS (COUNT 0: everything). False: reported. */
bool select_entries(struct restore *r, char **paths, int count);

/* Nothing selected is there already. False: reported. */
bool select_check_absent(struct restore *r);

/* Creates directories, ahead of everything; and last gives them their attributes. */
bool restore_directories(struct restore *r);
bool restore_directory_attributes(struct restore *r);

/* Restores the file of ENTRY, which is no directory, as PATH. False: reported, or a signal
 * was caught; r->stopped tells whether to go on. */
bool restore_entry(struct restore *r, const struct entry *entry, const char *path);

/* Gives what was restored as FIRST the name PATH too. IS_LINK: it is one. */
bool restore_name(struct restore *r, const char *first, const char *path, bool is_link);

/* Restores the store file NAME into the common store and tells the pass. */
bool restore_store_file(struct restore *r, const char *name);

/* Links that got no content, because the pass failed, are removed again. */
void restore_remove_bare(struct restore *r);

#endif
