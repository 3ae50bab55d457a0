/*
 * flat.h - the engine for plain files: one state of a set of them
 *
 * For what is no database of a known kind, above all the directory of `openssl ca`. Runs
 * in the caller and only reads. begin copies all files to a spool until nothing changed
 * from before the copying to after it, no FILE.new stands beside a listed FILE (openssl
 * is between its writes and its renames), and an openssl index agrees with what is
 * listed with it (flat_ca.h).
 */
#ifndef ENGINE_FLAT_H
#define ENGINE_FLAT_H

#include "engine/engine.h"

extern const struct engine engine_flat;

#endif
