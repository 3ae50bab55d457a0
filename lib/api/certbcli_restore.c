/* The CertSrv functions of a restore; certbcli_wide.c has those with text. */
#include <certbcli.h>

#include "api/bcli.h"
#include "api/certbcli_calls.h"

static status check_prepare(const char *function, ULONG flags, const HCSBC *handle)
{
	if (!handle)
		return argument_invalid(function, "phbc is NULL");
	if (flags != 0 && flags != CSRESTORE_TYPE_FULL && flags != CSRESTORE_TYPE_CATCHUP)
		return argument_invalid(function,
			"dwRestoreFlags is not 0, CSRESTORE_TYPE_FULL or "
			"CSRESTORE_TYPE_CATCHUP");
	return STATUS_OK;
}

HRESULT certbcli_restore_prepare(
	const char *function, struct given name, ULONG flags, HCSBC *handle)
{
	struct server *server;
	status rc;

	status_begin();
	if (handle)
		*handle = NULL;
	rc = check_prepare(function, flags, handle);
	if (!failed(rc))
		rc = argument_server(FAMILY_CERTSRV, name, &server);
	if (!failed(rc))
		rc = bcli_restore_begin(&bcli_certsrv, server, true, handle);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvRestoreEnd(HCSBC hbc)
{
	return bcli_restore_end(&bcli_certsrv, hbc);
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterComplete(HCSBC hbc, HRESULT hrRestoreState)
{
	return bcli_restore_complete(&bcli_certsrv, hbc, hrRestoreState);
}
