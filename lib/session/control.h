/*
 * control.h - service control that knows of restores
 */
#ifndef SESSION_CONTROL_H
#define SESSION_CONTROL_H

#include "server/service.h"

/* As service_control, but starting or resuming recovers a completed restore first, and
 * is refused with hrRestoreInProgress while one is not completed, or a handle for one is
 * live. */
status control_service(const struct server *server, enum service_control control,
	struct buffer *output);

#endif
