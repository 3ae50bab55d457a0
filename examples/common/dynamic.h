/*
 * dynamic.h - files that belong to a service but not to its database
 */
#ifndef COMMON_DYNAMIC_H
#define COMMON_DYNAMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/listing.h"
#include "common/set_writer.h"

/* Saves each as it is now, never half changed; one that is gone is named and left out.
 * False: reported, or a signal was caught. */
bool dynamic_save(struct set_writer *w, const struct listing *files);

/* The size of the files in PATH; false where it cannot be read. */
bool directory_size(const char *path, uint64_t *total);

#endif
