/*
 * events.h - what the library tells while it works, for people or as JSON
 */
#ifndef SISLINK_EVENTS_H
#define SISLINK_EVENTS_H

#include <stdbool.h>

#include <backupapi/sis.h>

struct events {
	const char *what; /* for the progress bar */
	bool json;
	bool shown; /* the bar has begun */
	uint64_t done;
};

/* With JSON, opens the object that the summary ends. */
void events_begin(struct events *events, const char *command, const char *volume);

/* A backupapi_sis_callback; CONTEXT is a struct events. A signal ends the work. */
int events_take(void *context, const struct backupapi_sis_event *event);

void events_end(
	struct events *events, const char *result, const struct backupapi_sis_summary *s);

#endif
