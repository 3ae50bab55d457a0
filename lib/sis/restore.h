/*
 * restore.h - a restore pass over a volume
 */
#ifndef SIS_RESTORE_H
#define SIS_RESTORE_H

#include "base/names.h"
#include "sis/store.h"

struct sis_restore;

/* Creates the common store where the volume has none, and pins it. ERROR_ACCESS_DENIED:
 * to root, for a store that is neither root's nor the volume's owner's. FILES (empty on
 * entry): full paths of the internal files to restore. */
status sis_restore_begin(
	const char *root, struct sis_restore **restore, struct names *files);
const char *sis_restore_store_path(const struct sis_restore *restore);

/* The caller wrote the link PATH back, whose owner is final: its reparse data is BUFFER.
 * *STORE_FILE: full path of the store file to restore (a new string), or NULL where it
 * was named before or is on the volume with the right content. The link counts once the
 * pass ends, where PATH is still the same file. A file that Windows' links need is asked
 * for also where it is there: they do not show what content they were made for. What
 * marked links show can be made up by whoever made the backup set, which has to be
 * trusted. ERROR_CRC: the store file is there and right, and the link contradicts it;
 * ERROR_ACCESS_DENIED: the store is a user's, the link is not that user's. */
status sis_restore_link(struct sis_restore *restore, const char *path, const void *buffer,
	size_t size, char **store_file);

/* The same for the link that FD is open on, in whatever way (O_PATH).
 * ERROR_SHARING_VIOLATION: PATH is another file. */
status sis_restore_link_open(struct sis_restore *restore, int fd, const char *path,
	const void *buffer, size_t size, char **store_file);

/* Takes the last link back, whose store file was named: the name did not reach the
 * caller. */
void sis_restore_forget(struct sis_restore *restore);

/* The caller wrote the store file PATH, or an internal file. ERROR_CRC: not what is
 * recorded beside it, or, without a record, not what any link says (it is renamed to
 * <guid>.damaged then); its links stay unresolved unless it is restored again. */
status sis_restore_store_file(struct sis_restore *restore, const char *path);

void sis_restore_set_bare(struct sis_restore *restore, bool bare);

/* Resolves the links and frees RESTORE whatever happens. The first failure is returned
 * when everything that could be done was done. */
status sis_restore_end(struct sis_restore *restore);

/* Frees RESTORE and leaves the links as they are. */
void sis_restore_abandon(struct sis_restore *restore);

#endif
