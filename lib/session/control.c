#include "session/control.h"

#include "server/registration.h"
#include "session/recover.h"

status control_service(const struct server *server, enum service_control control,
	struct buffer *output)
{
	status rc = STATUS_OK;

	if (control == SERVICE_START || control == SERVICE_RESUME)
		rc = recover_store(server);
	return failed(rc) ? rc : service_control(server, control, output);
}
