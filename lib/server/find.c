/*
 * find.c - which server a caller's name means
 *
 * A configured name wins over the name of this host, and a good file over a broken one;
 * but a broken file that could be the one asked for is never passed over for another.
 */
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/catalog.h"
#include "server/host.h"

struct wanted {
	unsigned families;
	char *host;            /* without leading backslashes */
	const char *authority; /* what stands behind `HOST\`, or NULL */
	const char *asked;     /* for messages */
};

/* What was found by one rule. */
struct matches {
	struct catalog_entry *good, *another, *refused; /* the first ones */
	size_t good_count;
};

static status invalid_name(const char *name)
{
	char *shown = text_escape(name);
	status rc;

	if (!shown)
		return status_no_memory();
	rc = status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
		"\"%.300s\": not the name of a server", shown);
	free(shown);
	return rc;
}

static bool is_authority(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '/' || *c == '\\')
			return false;
	return *text != '\0';
}

/* Takes what is asked for apart; FAMILIES shrinks to CertSrv where an authority is named.
 */
static status parse_name(unsigned families, const char *name, struct wanted *wanted)
{
	const char *host = name + strspn(name, "\\");
	size_t length = strcspn(host, "\\");
	bool valid;

	*wanted = (struct wanted){.families = families, .asked = name};
	wanted->host = strndup(host, length);
	if (!wanted->host)
		return status_no_memory();
	valid = host_is_this(wanted->host) || host_name_valid(wanted->host);
	if (host[length] == '\\') {
		wanted->authority = host + length + 1;
		wanted->families &= FAMILY_CERTSRV;
		valid = valid && wanted->families && is_authority(wanted->authority);
	}
	return valid ? STATUS_OK : invalid_name(name);
}

static bool serves(const struct catalog_entry *entry, const struct wanted *wanted)
{
	const struct server *server = entry->server;

	if (entry->broken || !(server->families & wanted->families))
		return false;
	if (!wanted->authority)
		return true;
	return server->authority &&
	       text_compare_nocase(server->authority, wanted->authority) == 0;
}

static void match(const struct catalog *catalog, const struct wanted *wanted,
	bool by_name, struct matches *found)
{
	*found = (struct matches){0};
	for (size_t i = 0; i < catalog->count; i++) {
		struct catalog_entry *entry = &catalog->items[i];

		if (!serves(entry, wanted))
			continue;
		if (by_name ? !catalog_is_named(entry->server, wanted->host)
			    : !catalog_is_local(entry->server))
			continue;
		if (entry->problem && !found->refused)
			found->refused = entry;
		if (entry->problem)
			continue;
		if (found->good_count == 1)
			found->another = entry;
		if (found->good_count++ == 0)
			found->good = entry;
	}
}

static status bad_configuration(const struct catalog_entry *entry)
{
	return status_fail(entry->denied ? STATUS_WIN32(ERROR_ACCESS_DENIED)
					 : STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s", entry->problem);
}

/* Could this broken file be the one that is asked for? What is left of its name counts,
 * and the name of the file. */
static bool may_be_meant(const struct catalog_entry *entry, const struct wanted *wanted)
{
	return entry->broken &&
	       (catalog_is_named(entry->server, wanted->host) ||
		       text_compare_nocase(entry->stem, wanted->host) == 0);
}

static const struct catalog_entry *find_broken(
	const struct catalog *catalog, const struct wanted *wanted)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (may_be_meant(&catalog->items[i], wanted))
			return &catalog->items[i];
	return NULL;
}

static status not_found(const struct catalog *catalog, const struct wanted *wanted)
{
	const char *asked = *wanted->host ? wanted->asked : "this host";
	const struct catalog_entry *first = NULL;
	size_t broken = 0;

	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->items[i].broken && broken++ == 0)
			first = &catalog->items[i];
	if (!first)
		return status_fail(STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE),
			"%s: no server of this name and family is configured in %s",
			asked, server_config_dir());
	return status_fail(STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE),
		"%s: no server of this name and family is configured in %s, where %zu "
		"cannot be read, first %s",
		asked, server_config_dir(), broken, first->problem);
}

/* The same name for two stores of different families, where the caller named none. */
static status ambiguous(const struct wanted *wanted, const struct matches *found)
{
	return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s and %s: both answer to the name %s, for different families",
		found->good->server->file, found->another->server->file, wanted->asked);
}

static status several(const struct wanted *wanted, const struct matches *found)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
		"%s: %zu servers could be meant, %s, %s%s; name one of them",
		*wanted->host ? wanted->asked : "this host", found->good_count,
		found->good->server->name, found->another->server->name,
		found->good_count > 2 ? ", ..." : "");
}

/* As the bearer of a name that one file must own alone. */
static status choose_named(
	const struct catalog *catalog, const struct wanted *wanted, struct matches *found)
{
	match(catalog, wanted, true, found);
	if (found->refused)
		return bad_configuration(found->refused);
	return found->another ? ambiguous(wanted, found) : STATUS_OK;
}

/* As the one server of this host. */
static status choose_only(
	const struct catalog *catalog, const struct wanted *wanted, struct matches *found)
{
	match(catalog, wanted, false, found);
	if (found->another)
		return several(wanted, found);
	return found->refused && !found->good ? bad_configuration(found->refused)
					      : STATUS_OK;
}

/* NULL, and *RC says why. */
static struct catalog_entry *choose(
	const struct catalog *catalog, const struct wanted *wanted, status *rc)
{
	const struct catalog_entry *broken = find_broken(catalog, wanted);
	struct matches found;

	*rc = choose_named(catalog, wanted, &found);
	if (!failed(*rc) && !found.good && host_is_this(wanted->host) &&
		(wanted->authority || !broken))
		*rc = choose_only(catalog, wanted, &found);
	if (failed(*rc))
		return NULL;
	if (!found.good)
		*rc = broken ? bad_configuration(broken) : not_found(catalog, wanted);
	return found.good;
}

static status take(struct catalog_entry *entry, struct server **server)
{
	if (!catalog_is_local(entry->server))
		return status_fail(STATUS_WIN32(RPC_S_INVALID_BINDING),
			"%s: %s is on another machine, %s", entry->server->file,
			entry->server->name, entry->server->host);
	*server = entry->server;
	entry->server = NULL;
	return STATUS_OK;
}

status server_find(unsigned families, const char *name, struct server **server)
{
	struct catalog catalog = {0};
	struct catalog_entry *chosen;
	struct wanted wanted;
	status rc;

	*server = NULL;
	rc = parse_name(families, name ? name : "", &wanted);
	if (!failed(rc))
		rc = catalog_load(server_config_dir(), &catalog);
	if (!failed(rc)) {
		chosen = choose(&catalog, &wanted, &rc);
		if (chosen)
			rc = take(chosen, server);
	}
	catalog_free(&catalog);
	free(wanted.host);
	return rc;
}
