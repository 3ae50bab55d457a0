/*
 * catalog.c - reading a directory of configuration files
 */
#include "server/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "server/host.h"
#include "server/trust.h"

#define SUFFIX ".conf"

static bool is_configuration(const char *name)
{
	size_t length = strlen(name);
	size_t suffix = strlen(SUFFIX);

	return name[0] != '.' && length > suffix &&
	       strcmp(name + length - suffix, SUFFIX) == 0;
}

static status list_files(int dirfd, const char *dir, struct names *files)
{
	struct names all = {0};
	status rc = file_list_dir(dirfd, dir, &all);

	for (size_t i = 0; i < all.count && !failed(rc); i++)
		if (is_configuration(all.items[i]))
			rc = names_add(files, all.items[i]);
	names_free(&all);
	return rc;
}

/* Failures that say nothing about the file. */
static bool is_ours(status rc)
{
	return rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY) ||
	       rc == STATUS_WIN32(ERROR_TOO_MANY_OPEN_FILES);
}

static status note_broken(struct catalog_entry *entry, status why)
{
	entry->broken = true;
	entry->denied = why == STATUS_WIN32(ERROR_ACCESS_DENIED);
	entry->problem = strdup(status_pending());
	return entry->problem ? STATUS_OK : status_no_memory();
}

static status add_file(
	struct catalog *catalog, int dirfd, const char *dir, const char *file)
{
	struct catalog_entry *entry = &catalog->items[catalog->count++];
	status rc;

	entry->stem = strndup(file, strlen(file) - strlen(SUFFIX));
	entry->server = calloc(1, sizeof(*entry->server));
	if (!entry->stem || !entry->server)
		return status_no_memory();
	rc = config_read(dirfd, dir, file, entry->server);
	return failed(rc) && !is_ours(rc) ? note_broken(entry, rc) : rc;
}

static const char *sort_key(const struct catalog_entry *entry)
{
	return entry->server->name ? entry->server->name : "";
}

static int compare_entries(const void *left, const void *right)
{
	const struct catalog_entry *a = left, *b = right;
	int order = text_compare_nocase(sort_key(a), sort_key(b));

	return order ? order : strcmp(a->stem, b->stem);
}

static status add_files(
	struct catalog *catalog, int dirfd, const char *dir, const struct names *files)
{
	status rc = STATUS_OK;

	catalog->items = calloc(files->count + 1, sizeof(*catalog->items));
	if (!catalog->items)
		return status_no_memory();
	for (size_t i = 0; i < files->count && !failed(rc); i++)
		rc = add_file(catalog, dirfd, dir, files->items[i]);
	if (failed(rc))
		return rc;
	qsort(catalog->items, catalog->count, sizeof(*catalog->items), compare_entries);
	return catalog_compare(catalog);
}

static status load_opened(int dirfd, const char *dir, struct catalog *catalog)
{
	struct names files = {0};
	struct stat st;
	status rc;

	if (fstat(dirfd, &st) != 0)
		return status_errno(errno, "%s", dir);
	rc = trust_check(&st, S_IWGRP | S_IWOTH, dir);
	if (!failed(rc))
		rc = list_files(dirfd, dir, &files);
	if (!failed(rc))
		rc = add_files(catalog, dirfd, dir, &files);
	names_free(&files);
	return rc;
}

status catalog_load(const char *dir, struct catalog *catalog)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status rc;

	*catalog = (struct catalog){0};
	if (dirfd < 0 && errno == ENOENT)
		return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: the directory of server configurations does not exist", dir);
	if (dirfd < 0)
		return status_errno(errno, "%s", dir);
	rc = load_opened(dirfd, dir, catalog);
	(void)close(dirfd);
	if (failed(rc))
		catalog_free(catalog);
	return rc;
}

void catalog_free(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++) {
		free(catalog->items[i].stem);
		server_free(catalog->items[i].server);
		free(catalog->items[i].problem);
	}
	free(catalog->items);
	*catalog = (struct catalog){0};
}

bool catalog_is_named(const struct server *server, const char *name)
{
	if (server->name && text_compare_nocase(server->name, name) == 0)
		return true;
	for (size_t i = 0; i < server->aliases.count; i++)
		if (text_compare_nocase(server->aliases.items[i], name) == 0)
			return true;
	return false;
}

bool catalog_is_local(const struct server *server)
{
	return !server->host || host_is_this(server->host);
}
