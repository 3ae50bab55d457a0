/*
 * ese_recognise.h - what kind of file is this?
 */
#ifndef ENGINE_ESE_RECOGNISE_H
#define ENGINE_ESE_RECOGNISE_H

#include "engine/ese_format.h"

/* One of BACKUPAPI_ESE_KIND_..., by the beginning of the file (up to ESE_HEADERS_SIZE bytes)
 * or, where that is damaged, by its NAME; 0: none of them. SIZE is DATA's. */
uint32_t ese_recognise(const uint8_t *data, size_t size, const char *name);

#endif
