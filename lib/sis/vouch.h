/*
 * vouch.h - which files are links: intact, and made by somebody who may make links
 *
 * An ordinary user can write user. attributes, and must not get another's content
 * through a backup and restore. So a link carries a record: trusted.backupapi_sis, which
 * only root can write (and read: to others root's links are plain files), or
 * user.backupapi_sis, honoured where the file's owner also owns the store and nobody else
 * may write the file. It binds the 72 bytes of the reparse point to the file. Links on NTFS
 * that Windows made carry none and are honoured where their store file exists.
 *
 * While a link gets its content it carries a mark in the place of the record. Where that
 * does not end, the file is told from one that was meant to be like this: it is no link,
 * and what it has is not its content.
 */
#ifndef SIS_VOUCH_H
#define SIS_VOUCH_H

#include "sis/reparse.h"
#include "sis/store.h"

struct link_state {
	struct sis_link link;
	uint8_t buffer[REPARSE_SIZE];
	struct stat st;
	bool vouched;
	bool intact;     /* reads as its store file, or has no data at all */
	bool bare;       /* has no data at all */
	bool store_file; /* is there */
	bool unfinished; /* marked, and not whole; vouched is false then */
};

/* clang-format off */
#define VOUCH_UNFINISHED \
	"has only a part of its content: a restore of this link did not end; restore it again"
/* clang-format on */

/* All about the file NAME in DIRFD. ERROR_NOT_A_REPARSE_POINT: no reparse point at all,
 * nor, on NTFS, a mark; ERROR_INVALID_REPARSE_DATA and ERROR_REPARSE_TAG_MISMATCH as
 * reparse_parse. */
status vouch_look(
	const struct store *store, int dirfd, const char *name, struct link_state *state);

/* The same for what FD is open on, in whatever way (O_PATH); PATH is for messages. */
status vouch_look_open(
	const struct store *store, int fd, const char *path, struct link_state *state);

/* The open file FD, whose state is ST: did root ever vouch for it, or may nobody but the
 * store's owner write its attributes? Whatever its reparse data says. */
bool vouch_could_be_honoured(const struct store *store, int fd, const struct stat *st);

/* Is it a link that a backup may treat as one? A bare one is, also without its store
 * file: it is better missed loudly than saved as zeros. */
bool vouch_is_link(const struct link_state *state);

/* Have the open files A and B the same content? */
status vouch_compare(int a, int b, const char *path, bool *equal);

/* Is PART, of the same size, WHOLE with zeros in place of some of its bytes? */
status vouch_compare_part(int part, int whole, const char *path, bool *is_part);

/* Writes the record for the open file FD, whose reparse point is REPARSE: last of all, when
 * content and times are final and synced. The store should be pinned: its lock file is the
 * clock. ERROR_NOT_SUPPORTED where no record of this process would be honoured. Nothing
 * to do on NTFS. */
status vouch_record(const struct store *store, int fd, const char *path,
	const uint8_t reparse[REPARSE_SIZE]);

/* Removes the record from FD, whoever made it, or the mark. */
status vouch_forget(int fd, const char *path);

/* Marks the open file FD, which is about to get its content; nothing is marked until that
 * is synced. Ends with vouch_record or vouch_forget. */
status vouch_mark(int fd, const char *path, const uint8_t reparse[REPARSE_SIZE]);

/* The same for a link on NTFS, as far as it can be done: by name, and once it is no
 * reparse point any more, where everybody's backup sees it. */
status vouch_mark_at(int dirfd, const char *name, const uint8_t reparse[REPARSE_SIZE]);
status vouch_mark_openly(int fd, const char *path, const uint8_t reparse[REPARSE_SIZE]);

/* Is there a mark on the file NAME in DIRFD, or on what FD is open on, in whatever way
 * (O_PATH)? REPARSE: what it was marked for. */
bool vouch_find_mark(int dirfd, const char *name, uint8_t reparse[REPARSE_SIZE]);
bool vouch_find_mark_open(int fd, uint8_t reparse[REPARSE_SIZE]);

#endif
