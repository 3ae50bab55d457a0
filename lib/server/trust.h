/*
 * trust.h - whose files the library believes
 */
#ifndef SERVER_TRUST_H
#define SERVER_TRUST_H

#include <sys/stat.h>

#include "base/status.h"

/* ERROR_ACCESS_DENIED, naming PATH, owner and mode, unless what ST describes belongs to
 * root or the caller and has none of the permissions FORBIDDEN (S_IWGRP | S_IWOTH ...).
 */
status trust_check(const struct stat *st, mode_t forbidden, const char *path);

#endif
