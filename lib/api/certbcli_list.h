/*
 * certbcli_list.h - the shape that all CertSrv calls with a list have
 */
#ifndef API_CERTBCLI_LIST_H
#define API_CERTBCLI_LIST_H

#include <certbcli.h>

#include "api/list.h"
#include "base/handle.h"

/* Adds to LIST what the call gives; OBJECT is a session of kind KIND. */
typedef status (*certbcli_filler)(void *object, enum handle_kind kind, struct list *list);

/* The whole public call: FUNCTION is its name, for messages; KINDS are the handles it
 * takes. */
HRESULT certbcli_list(const char *function, unsigned kinds, HCSBC hbc,
	certbcli_filler fill, WCHAR **block, DWORD *size);

#endif
