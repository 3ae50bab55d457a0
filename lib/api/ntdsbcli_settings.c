/* The Ds functions that need no handle: the service's state, the chain of incremental
 * backups, and the account for the network. */
#include <ntdsbcli.h>

#include <stdlib.h>
#include <string.h>

#include "api/ntdsbcli_calls.h"
#include "api/ntdsbcli_server.h"
#include "base/credentials.h"
#include "server/service.h"
#include "session/current_log.h"

/* ---- online ---- */

static status get_online(struct given name, BOOL *online)
{
	struct server *server;
	enum service_state state;
	status rc = ntdsbcli_server(name, &server);

	if (failed(rc))
		return rc;
	rc = service_get_state(server, &state);
	if (!failed(rc))
		*online = state == SERVICE_SERVING;
	server_free(server);
	return rc;
}

HRESULT ntdsbcli_is_online(const char *function, struct given name, BOOL *online)
{
	status_begin();
	if (!online)
		return status_publish(argument_invalid(function, "pfNTDSOnline is NULL"));
	*online = 0;
	return status_publish(get_online(name, online));
}

HRESULT NTDSBCLI_API DsIsNTDSOnlineA(LPCSTR szServerName, BOOL *pfNTDSOnline)
{
	return ntdsbcli_is_online(__func__, given_narrow(szServerName), pfNTDSOnline);
}

/* ---- the next incremental backup ---- */

_Static_assert(BACKUP_DISABLE_INCREMENTAL == CURRENT_LOG_DISABLE, "public value");

HRESULT ntdsbcli_set_current_log(struct given name, DWORD generation)
{
	struct server *server;
	status rc;

	status_begin();
	rc = ntdsbcli_server(name, &server);
	if (failed(rc))
		return status_publish(rc);
	rc = current_log_set(server, generation);
	server_free(server);
	return status_publish(rc);
}

HRESULT NTDSBCLI_API DsSetCurrentBackupLogA(LPCSTR szServerName, DWORD dwCurrentLog)
{
	return ntdsbcli_set_current_log(given_narrow(szServerName), dwCurrentLog);
}

/* ---- the account for the network ---- */

static status set_identity(
	const char *function, const char *user, const char *domain, const char *password)
{
	if (!user && !domain && !password) {
		credentials_forget();
		return STATUS_OK;
	}
	if (!user || !*user)
		return argument_invalid(
			function, "szUserName is NULL or empty, but not all are NULL");
	return credentials_keep(user, domain ? domain : "", password ? password : "");
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

HRESULT ntdsbcli_set_identity(const char *function, struct given user,
	struct given domain, struct given password)
{
	char *user_text = NULL, *domain_text = NULL, *password_text = NULL;
	status rc;

	status_begin();
	rc = argument_copy(user, &user_text);
	if (!failed(rc))
		rc = argument_copy(domain, &domain_text);
	if (!failed(rc))
		rc = argument_copy(password, &password_text);
	if (!failed(rc))
		rc = set_identity(function, user_text, domain_text, password_text);
	wipe(user_text);
	wipe(domain_text);
	wipe(password_text);
	return status_publish(rc);
}

HRESULT NTDSBCLI_API DsSetAuthIdentityA(
	LPCSTR szUserName, LPCSTR szDomainName, LPCSTR szPassword)
{
	return ntdsbcli_set_identity(__func__, given_narrow(szUserName),
		given_narrow(szDomainName), given_narrow(szPassword));
}
