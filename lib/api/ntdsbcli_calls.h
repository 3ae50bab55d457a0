/*
 * ntdsbcli_calls.h - the Ds functions with text, for the A forms and both widths of WCHAR
 *
 * Whole public calls, from status_begin to status_publish; FUNCTION is the public name.
 */
#ifndef API_NTDSBCLI_CALLS_H
#define API_NTDSBCLI_CALLS_H

#include <ntdsbcli.h>

#include "api/argument.h"

/* Where a new backup's handle and token go. */
struct ntdsbcli_results {
	PVOID *token;
	LPDWORD token_size;
	HBC *handle;
};

HRESULT ntdsbcli_backup_prepare(const char *function, struct given name, ULONG grbit,
	ULONG flag, const struct ntdsbcli_results *out);

struct ntdsbcli_token {
	const void *data; /* NULL: none, so the handle is for locations only */
	size_t size;
};

HRESULT ntdsbcli_restore_prepare(const char *function, struct given name, ULONG flag,
	struct ntdsbcli_token token, HBC *handle);

HRESULT ntdsbcli_is_online(const char *function, struct given name, BOOL *online);
HRESULT ntdsbcli_set_current_log(struct given name, DWORD generation);
HRESULT ntdsbcli_set_identity(const char *function, struct given user,
	struct given domain, struct given password);

#endif
