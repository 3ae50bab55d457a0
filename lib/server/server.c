/*
 * server.c - the list of all servers, and a server's own directories
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "server/catalog.h"
#include "server/path.h"
#include "server/trust.h"

#define OTHERS (S_IRWXG | S_IRWXO)

const char *server_config_dir(void)
{
	const char *dir = secure_getenv("BACKUPAPI_CONFIG_DIR");

	return dir && *dir ? dir : BACKUPAPI_CONFIG_DIR;
}

/* Two files at odds share one problem: it is listed once. */
static status add_broken(struct names *broken, const char *problem)
{
	for (size_t i = 0; i < broken->count; i++)
		if (strcmp(broken->items[i], problem) == 0)
			return STATUS_OK;
	return names_add(broken, problem);
}

static status list_catalog(
	struct catalog *catalog, struct server_list *list, struct names *broken)
{
	status rc = STATUS_OK;

	list->items = calloc(catalog->count + 1, sizeof(struct server *));
	if (!list->items)
		return status_no_memory();
	for (size_t i = 0; i < catalog->count && !failed(rc); i++) {
		struct catalog_entry *entry = &catalog->items[i];

		if (entry->problem) {
			rc = add_broken(broken, entry->problem);
			continue;
		}
		list->items[list->count++] = entry->server;
		entry->server = NULL;
	}
	return rc;
}

status server_load_all(struct server_list *list, struct names *broken)
{
	struct catalog catalog;
	status rc;

	*list = (struct server_list){0};
	*broken = (struct names){0};
	rc = catalog_load(server_config_dir(), &catalog);
	if (failed(rc))
		return rc;
	rc = list_catalog(&catalog, list, broken);
	catalog_free(&catalog);
	if (failed(rc)) {
		server_list_free(list);
		names_free(broken);
	}
	return rc;
}

void server_list_free(struct server_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		server_free(list->items[i]);
	free(list->items);
	*list = (struct server_list){0};
}

static status check_state_dir(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return status_errno(errno, "%s", path);
	return trust_check(&st, OTHERS, path);
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

status server_open_state_dir(const struct server *server, bool create, int *fd)
{
	const char *path = server->state_dir;
	status rc = create ? file_make_dirs(path, S_IRWXU) : STATUS_OK;

	*fd = -1;
	if (failed(rc))
		return rc;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), "%s: %s", path,
			is_link(path) ? "a symbolic link" : "not a directory");
	if (*fd < 0)
		return status_errno(errno, "%s", path);
	rc = check_state_dir(*fd, path);
	if (failed(rc)) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

char *server_store_dir(const struct server *server)
{
	const char *database = server->store.databases.items[0];

	return config_is_directory(&server->store, database) ? strdup(database)
							     : path_parent(database);
}
