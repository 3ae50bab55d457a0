/* The same walk as the store worker's, so that both speak of the same files. */
#include "engine/tdb_caller.h"

#include "engine/tdb_files.h"

status tdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = samba_find_files(
			store->databases.items[i], databases, leftovers, NULL);
	return rc;
}
