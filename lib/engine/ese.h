/*
 * ese.h - ESE (JET Blue) stores: Active Directory, AD CS and others, offline
 *
 * The files were copied, snapshotted or mounted from a Windows machine: nothing writes them
 * while they are backed up, and one that changes meanwhile fails the session. They are only
 * read, but for the logs that a truncation deletes. Every page of a database and every
 * segment of a log is verified before it is handed out. Logs cannot be replayed here: a
 * restore is checked to be complete and consistent for the machine that will do it.
 */
#ifndef ENGINE_ESE_H
#define ENGINE_ESE_H

#include "engine/engine.h"

extern const struct engine engine_ese;

#endif
