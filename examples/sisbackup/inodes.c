#include "sisbackup/inodes.h"

#include <search.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/same.h"

struct inode {
	struct stat st;
	char *path;
};

static int compare(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	return x->st.st_ino == y->st.st_ino ? 0 : x->st.st_ino < y->st.st_ino ? -1 : 1;
}

const char *inodes_first(struct inodes *inodes, const struct stat *st, const char *path)
{
	struct inode *inode = xmalloc(sizeof(*inode)), **found;

	inode->st = *st;
	found = tsearch(inode, &inodes->tree, compare);
	if (!found) {
		report_plain("out of memory");
		exit(EXIT_FAILED);
	}
	if (*found == inode) {
		inode->path = xstrdup(path);
		return NULL;
	}
	free(inode);
	return same_file(&(*found)->st, st) ? (*found)->path : NULL;
}

static void free_inode(void *node)
{
	struct inode *inode = node;

	free(inode->path);
	free(inode);
}

void inodes_free(struct inodes *inodes)
{
	tdestroy(inodes->tree, free_inode);
	inodes->tree = NULL;
}
