#include "api/listing.h"

#include "base/unc.h"
#include "session/locations.h"

static const enum list_tag file_tags[] = {
	[ENGINE_DATABASE] = LIST_DATABASE,
	[ENGINE_LOG] = LIST_LOG,
	[ENGINE_PATCH] = LIST_PATCH_FILE,
};

static const enum list_tag location_tags[] = {
	[LOCATION_DATABASE] = LIST_DATABASE,
	[LOCATION_LOG_DIR] = LIST_LOG_DIR,
	[LOCATION_SYSTEM_DIR] = LIST_CHECKPOINT_DIR,
};

static status add_files(
	const struct backup *backup, const struct engine_files *files, struct list *list)
{
	struct unc_scheme scheme = config_unc_scheme(backup_server(backup));
	status rc = STATUS_OK;

	for (size_t i = 0; i < files->count && !failed(rc); i++)
		rc = list_take(list, file_tags[files->items[i].kind],
			unc_from_path(&scheme, files->items[i].path));
	return rc;
}

status listing_databases(struct backup *backup, struct list *list)
{
	const struct engine_files *files;
	status rc = backup_databases(backup, &files);

	return failed(rc) ? rc : add_files(backup, files, list);
}

status listing_logs(struct backup *backup, struct list *list)
{
	const struct engine_files *files;
	status rc = backup_logs(backup, &files);

	return failed(rc) ? rc : add_files(backup, files, list);
}

status listing_dynamic(struct backup *backup, struct list *list)
{
	struct unc_scheme scheme = config_unc_scheme(backup_server(backup));
	struct names paths = {0};
	status rc = backup_dynamic(backup, &paths);

	for (size_t i = 0; i < paths.count && !failed(rc); i++)
		rc = list_take(list, LIST_NO_TAG, unc_from_path(&scheme, paths.items[i]));
	names_free(&paths);
	return rc;
}

status listing_locations(const struct server *server, struct list *list)
{
	struct unc_scheme scheme = config_unc_scheme(server);
	struct locations locations = {0};
	status rc = locations_find(server, &locations);

	for (size_t i = 0; i < locations.count && !failed(rc); i++)
		rc = list_take(list, location_tags[locations.items[i].kind],
			unc_from_path(&scheme, locations.items[i].path));
	locations_free(&locations);
	return rc;
}
