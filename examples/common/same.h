/*
 * same.h - whether a file is what it was
 */
#ifndef COMMON_SAME_H
#define COMMON_SAME_H

#include <stdbool.h>
#include <sys/stat.h>

/* Are A and B of one file, that did not change from one to the other? */
bool same_file(const struct stat *a, const struct stat *b);

#endif
