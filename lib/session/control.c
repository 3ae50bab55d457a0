/*
 * The store's restore lock is held from looking for a restore until the service has
 * started: none can be registered for a store that is about to be used.
 */
#include "session/control.h"

#include "server/lock.h"
#include "session/recover.h"

static status start(
	const struct server *server, enum service_control control, struct buffer *output)
{
	struct lock *lock;
	status rc = lock_take(server, LOCK_RESTORE, &lock);

	if (failed(rc))
		return rc;
	rc = recover_store_locked(server);
	if (!failed(rc))
		rc = service_control(server, control, output);
	lock_release(lock);
	return rc;
}

status control_service(
	const struct server *server, enum service_control control, struct buffer *output)
{
	if (control == SERVICE_START || control == SERVICE_RESUME)
		return start(server, control, output);
	return service_control(server, control, output);
}
