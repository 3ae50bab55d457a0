/*
 * flat_copy.h - copies of a set of files, all as they were at one moment
 */
#ifndef ENGINE_FLAT_COPY_H
#define ENGINE_FLAT_COPY_H

#include "engine/spool.h"

/* Copies what PATTERNS stand for into the empty SPOOL and seals it. ERROR_BUSY, naming
 * the file, where something kept changing, or a FILE.new kept standing beside a listed
 * FILE, for about three seconds; hrDatabaseInconsistent or hrDatabaseCorrupted where an
 * openssl index and what is listed with it do not go together (flat_ca.h). */
status flat_copy(const struct names *patterns, struct spool *spool);

#endif
