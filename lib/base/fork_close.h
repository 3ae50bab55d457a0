/*
 * fork_close.h - descriptors that a forked child must not keep
 *
 * A lock of an open file description lives as long as any copy of its descriptor, and
 * fork makes copies. The entries stand in a list that is locked across fork: a child
 * closes its copies at once, before any of its code runs.
 */
#ifndef BASE_FORK_CLOSE_H
#define BASE_FORK_CLOSE_H

struct fork_close {
	struct fork_close *next, **where;
	int fd; /* -1: none, and in a forked child */
};

/* What an entry is before it is opened and after it is closed. */
#define FORK_CLOSE_NONE ((struct fork_close){.fd = -1})

/* ENTRY's descriptor becomes OPEN(CONTEXT)'s result, with no fork in between. 0, or an
 * errno: OPEN's where it gave -1. ENTRY must stay where it is until it is closed. */
int fork_close_open(struct fork_close *entry, int (*open)(void *context), void *context);

/* The same for the two ends of a stream socket. */
int fork_close_socketpair(struct fork_close *a, struct fork_close *b);

/* Unlocks whatever range of the file is locked, for copies made behind our back (vfork,
 * clone), and closes. An entry that is closed already is fine. */
void fork_close_end(struct fork_close *entry);

#endif
