/*
 * winioctl.h - control codes; windows.h has them, with WIN32_LEAN_AND_MEAN too
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_COMPAT_WINIOCTL_H
#define BACKUPAPI_COMPAT_WINIOCTL_H

#if defined(_WIN32) || defined(__WINE__)
#pragma GCC system_header
#include_next <winioctl.h>
#else
#include "windows.h"
#endif

#endif
