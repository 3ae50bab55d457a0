/*
 * ese_events.h - backupapi_ese_inspect() with what it tells kept, for its tests
 */
#ifndef TESTS_ESE_EVENTS_H
#define TESTS_ESE_EVENTS_H

#include <backupapi/ese.h>

#include <fcntl.h>
#include <ntdsbmsg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

enum { MOST_EVENTS = 64 };

struct events {
	struct backupapi_ese_event items[MOST_EVENTS];
	char reasons[MOST_EVENTS][256];
	size_t count, damage, notes;
	uint64_t done, total;
	size_t give_up_at; /* event number; 0: never */
	size_t seen;
};

static char *dir;
static struct events events;

static inline void set_up(void)
{
	dir = support_tmpdir();
	events = (struct events){.count = 0};
}

static inline int take(void *context, const struct backupapi_ese_event *event)
{
	struct events *e = context;

	if (event->kind == BACKUPAPI_ESE_PROGRESS) {
		ck_assert_uint_ge(event->done_bytes, e->done);
		ck_assert_ptr_null(event->reason);
		e->done = event->done_bytes;
		e->total = event->total_bytes;
	} else if (e->count < MOST_EVENTS) {
		e->items[e->count] = *event;
		ck_assert_int_eq(
			strncmp(event->reason, event->path, strlen(event->path)), 0);
		(void)snprintf(e->reasons[e->count++], 256, "%s", event->reason);
	}
	e->damage += event->kind == BACKUPAPI_ESE_DAMAGE;
	e->notes += event->kind == BACKUPAPI_ESE_NOTE;
	return ++e->seen == e->give_up_at;
}

static inline struct backupapi_ese_info *inspect(const char *path)
{
	struct backupapi_ese_info *info;

	events = (struct events){.count = 0};
	ck_assert_msg(backupapi_ese_inspect(path, 0, take, &events, &info) == S_OK, "%s",
		backupapi_error_detail());
	ck_assert_uint_eq(info->size, sizeof(*info));
	ck_assert_uint_eq(info->problems, events.damage);
	ck_assert(!info->damage == !events.damage);
	if (events.damage)
		ck_assert_int_eq(info->damage, events.items[0].code);
	return info;
}

/* Changes a byte of the file. */
static inline void damage(const char *path, off_t offset, uint8_t bits)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= bits;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
	ck_assert_int_eq(close(fd), 0);
}

#endif
