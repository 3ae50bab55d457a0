/*
 * partial.h - a directory under a temporary name, beside the name that it is to get
 */
#ifndef COMMON_PARTIAL_H
#define COMMON_PARTIAL_H

#include <stdbool.h>

struct partial {
	char *target; /* as given, without slashes at its end */
	char *prefix; /* ".NAME.partial-" */
	char *name;   /* in the parent directory; NULL before it is created */
	char *label;  /* its path, for messages */
	int parent_fd, fd;
};

/* Opens TARGET's parent directory; TARGET itself must not exist. False: reported. */
bool partial_init(struct partial *partial, const char *target);

/* Removes what earlier programs left, and creates the directory, mode 0700, locked. */
bool partial_create(struct partial *partial);

/* Renames it to the target, which must still not exist, and syncs the parent. */
bool partial_publish(struct partial *partial);

/* Removes the directory and all in it. */
void partial_remove(struct partial *partial);

void partial_close(struct partial *partial);

#endif
