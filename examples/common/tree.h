/*
 * tree.h - files below one directory, reached without following a symbolic link
 *
 * RELATIVE paths have no empty, "." or ".." component, so that nothing outside of the
 * directory can be meant; they may be longer than PATH_MAX.
 */
#ifndef COMMON_TREE_H
#define COMMON_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

/* The directory that was used last stays open, since files mostly come sorted. */
struct tree {
	int root;         /* the caller's */
	const char *name; /* of root, for messages; the caller's */
	char *directory;  /* relative, NULL: none open */
	int fd;
};

void tree_init(struct tree *tree, int root, const char *name);
void tree_close(struct tree *tree); /* leaves root open */

/* The directory of RELATIVE, open until the next call, and *BASE, the rest of RELATIVE.
 * With CREATE, what is missing is made, mode 0700. -1: failed, reported. */
int tree_parent(struct tree *tree, const char *relative, bool create, const char **base);

/* What is there, of RELATIVE itself: 0, or an errno that was not reported. */
int tree_look(struct tree *tree, const char *relative, struct stat *st);

/* Opens the regular file RELATIVE for reading; -1: failed, reported. */
int tree_open(struct tree *tree, const char *relative, struct stat *st);

/* Creates the file RELATIVE, which must not exist, mode 0600. */
int tree_create(struct tree *tree, const char *relative);

/* Calls VISIT for everything below tree->root that is not a directory and, with a slash
 * at the end of RELATIVE, for each directory ahead of what is in it. False ends the walk.
 */
typedef bool (*tree_visitor)(void *context, const char *relative, const struct stat *st);
bool tree_walk(struct tree *tree, tree_visitor visit, void *context);

/* fsync of ROOT and of every directory below it. */
bool tree_sync(int root, const char *name);

/* Removes the directory NAME in PARENT and everything in it. LABEL is for messages. */
bool tree_remove(int parent, const char *name, const char *label);

/* "NAME/RELATIVE" in a new string. */
char *tree_label(const struct tree *tree, const char *relative);

#endif
