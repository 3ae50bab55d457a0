/*
 * listing.h - from a session's paths to the tagged names that callers see
 *
 * Each function adds to LIST, which the caller frees, also when it fails.
 */
#ifndef API_LISTING_H
#define API_LISTING_H

#include "api/list.h"
#include "session/backup.h"
#include "session/restore.h"

status listing_databases(struct backup *backup, struct list *list);
status listing_logs(struct backup *backup, struct list *list);
status listing_dynamic(struct backup *backup, struct list *list);
status listing_locations(const struct server *server, struct list *list);

#endif
