/*
 * holes.h - where an open file has data
 */
#ifndef SISBACKUP_HOLES_H
#define SISBACKUP_HOLES_H

#include "sisbackup/catalog.h"

/* The data of the first SIZE bytes. False: errno. */
bool holes_ranges(int fd, uint64_t size, struct ranges *ranges);

/* Has the file a length, and no data at all? */
bool holes_only(int fd);

#endif
