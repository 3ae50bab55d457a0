/*
 * lmdb.h - LMDB stores, inside the store worker
 */
#ifndef ENGINE_LMDB_H
#define ENGINE_LMDB_H

#include "engine/hosted.h"

extern const struct engine lmdb_hosted_engine;

#endif
