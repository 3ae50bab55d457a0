#include "sisbackup/inodes.h"

#include <search.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/report.h"

struct inode {
	ino_t number;
	char *path;
};

static int compare(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	return x->number == y->number ? 0 : x->number < y->number ? -1 : 1;
}

const char *inodes_first(struct inodes *inodes, ino_t ino, const char *path)
{
	struct inode *inode = xmalloc(sizeof(*inode)), **found;

	inode->number = ino;
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
	return (*found)->path;
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
