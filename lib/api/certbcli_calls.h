/*
 * certbcli_calls.h - the CertSrv functions with text, for both widths of WCHAR
 *
 * Whole public calls, from status_begin to status_publish; FUNCTION is the public name.
 */
#ifndef API_CERTBCLI_CALLS_H
#define API_CERTBCLI_CALLS_H

#include <certbcli.h>

#include "api/argument.h"

HRESULT certbcli_backup_prepare(
	const char *function, struct given name, ULONG grbit, ULONG flags, HCSBC *handle);
HRESULT certbcli_restore_prepare(
	const char *function, struct given name, ULONG flags, HCSBC *handle);

HRESULT certbcli_is_online(const char *function, struct given name, BOOL *online);
HRESULT certbcli_control(
	const char *function, struct given name, DWORD flags, DWORD *size, BYTE **block);

#endif
