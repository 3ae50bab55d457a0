#include "sisbackup/fskind.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

bool fskind_is_ntfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == FUSE_SUPER_MAGIC &&
	       fgetxattr(fd, "system.ntfs_attrib", NULL, 0) > 0;
}

const char *fskind_name(int fd)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{BTRFS_SUPER_MAGIC, "btrfs"},
		{EXT4_SUPER_MAGIC, "ext4"},
		{FUSE_SUPER_MAGIC, "fuse"},
		{TMPFS_MAGIC, "tmpfs"},
		{XFS_SUPER_MAGIC, "xfs"},
	};
	static char number[32];
	struct statfs fs;

	if (fskind_is_ntfs(fd))
		return "ntfs";
	if (fstatfs(fd, &fs) != 0)
		return "unknown";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((unsigned long)fs.f_type == known[i].magic)
			return known[i].name;
	snprintf(number, sizeof(number), "0x%lx", (unsigned long)fs.f_type);
	return number;
}
