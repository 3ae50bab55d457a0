/*
 * fskind.h - which file system a directory is on
 */
#ifndef SISBACKUP_FSKIND_H
#define SISBACKUP_FSKIND_H

#include <stdbool.h>

/* "xfs", or the number of one that is not known; valid until the next call. */
const char *fskind_name(int fd);

/* NTFS through ntfs-3g, where a link shows as a symbolic link that nothing can open. */
bool fskind_is_ntfs(int fd);

#endif
