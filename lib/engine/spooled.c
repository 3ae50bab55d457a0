#include "engine/spooled.h"

#include <stdlib.h>

struct engine_session {
	const struct spool *spool;
};

status spooled_begin(const struct hosted_engine *host, struct engine_session **session)
{
	struct engine_session *s = malloc(sizeof(*s));

	*session = s;
	if (!s)
		return status_no_memory();
	s->spool = host->spool;
	return STATUS_OK;
}

status spooled_databases(struct engine_session *session, struct engine_files *files)
{
	return spool_list(session->spool, files);
}

void spooled_end(struct engine_session *session)
{
	free(session);
}
