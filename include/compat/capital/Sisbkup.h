/*
 * Sisbkup.h - <sisbkup.h>, as documentation spells it
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sisbkup.h>
