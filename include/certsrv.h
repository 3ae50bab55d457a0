/*
 * certsrv.h - the umbrella header of certificate services
 *
 * On Windows it collects all headers of certificate services; here it has the one that
 * this library implements.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef _CERTSRV_H_
#define _CERTSRV_H_

#include <certbcli.h>

#endif
