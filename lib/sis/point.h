/*
 * point.h - what programs that copy files ask about one file: its reparse point, its data
 */
#ifndef SIS_POINT_H
#define SIS_POINT_H

#include "sis/extents.h"
#include "sis/reparse.h"
#include "sis/store.h"

/* The reparse point of PATH, if it is a link to be treated as one; else
 * ERROR_NOT_A_REPARSE_POINT. A link with no data of its own that this user cannot judge,
 * since the store is not his to read, is ERROR_ACCESS_DENIED: its content is not here. */
status point_get(const char *path, uint8_t buffer[REPARSE_SIZE]);

/* The same, judged against the common store of the volume ROOT alone. */
status point_get_on(const char *root, const char *path, uint8_t buffer[REPARSE_SIZE]);

/* The same for what FD is open on, in whatever way (O_PATH), with a STORE that is open
 * already. PATH is for messages. */
status point_get_open(const struct store *store, int fd, const char *path,
	uint8_t buffer[REPARSE_SIZE]);

/* The first REPARSE_SIZE bytes of BUFFER, after they were checked. */
status point_set(const char *path, const void *buffer, size_t size);

/* The data ranges of PATH, none for an intact link. LIST is empty on entry. */
status point_ranges(const char *path, struct extents_list *list);

/* The same three for the very file that FD is open on, in whatever way (O_PATH): PATH, which
 * leads to it, only tells what volume it is on. On NTFS, which sets by name alone,
 * point_set_of looks first whether PATH still leads to it: else ERROR_FILE_NOT_FOUND. */
status point_get_of(int fd, const char *path, uint8_t buffer[REPARSE_SIZE]);
status point_set_of(int fd, const char *path, const void *buffer, size_t size);
status point_ranges_of(int fd, const char *path, struct extents_list *list);

#endif
