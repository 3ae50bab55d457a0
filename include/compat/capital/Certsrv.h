/*
 * Certsrv.h - <certsrv.h>, as documentation spells it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <certsrv.h>
