/*
 * registration_record.h - a registration as text
 */
#ifndef SERVER_REGISTRATION_RECORD_H
#define SERVER_REGISTRATION_RECORD_H

#include "server/record.h"
#include "server/registration.h"

#define REGISTRATION_FORMAT "registration 1"

/* NULL, or what nobody may register: also asked of what an ordinary user left behind. */
const char *registration_refused(const struct registration *registration);

void registration_write(struct buffer *b, const struct server *server,
	const struct registration *registration);

/* Fills *REGISTRATION, fresh from registration_new(), all but maker and place. What goes
 * wrong is noted in R. */
void registration_read(
	struct record *r, const struct server *server, struct registration *registration);

#endif
