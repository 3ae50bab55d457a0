/*
 * What happens when a Free refuses a pointer. Apart from alloc.c, so that the usual way
 * through Free stays short.
 */
#include "base/alloc_refused.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

static _Atomic uint64_t counts[ALLOC_FAMILIES];

static struct {
	pthread_mutex_t lock;
	alloc_refused_handler handler;
	void *context;
} refusal = {.lock = PTHREAD_MUTEX_INITIALIZER};

void alloc_refused_lock(void)
{
	(void)pthread_mutex_lock(&refusal.lock);
}

void alloc_refused_unlock(void)
{
	(void)pthread_mutex_unlock(&refusal.lock);
}

/* ---- BACKUPAPI_INVALID_FREE ---- */

enum refusal_action { REFUSAL_IGNORE, REFUSAL_REPORT, REFUSAL_ABORT };

static enum refusal_action configured_action;

static void read_configured_action(void)
{
	const char *text = secure_getenv("BACKUPAPI_INVALID_FREE");

	if (text && strcmp(text, "report") == 0)
		configured_action = REFUSAL_REPORT;
	else if (text && strcmp(text, "abort") == 0)
		configured_action = REFUSAL_ABORT;
}

static void report(enum alloc_family family, const void *p)
{
	static const char *const functions[ALLOC_FAMILIES] = {
		[ALLOC_CERTSRV] = "CertSrvBackupFree",
		[ALLOC_DS] = "DsBackupFree",
		[ALLOC_SIS] = "SisFreeAllocatedMemory",
		[ALLOC_NATIVE] = "backupapi_free",
	};
	char line[128];
	ssize_t written;
	int length = snprintf(line, sizeof(line),
		"backupapi: %s: %p is not a live block of this family\n",
		functions[family], p);

	if (length <= 0)
		return;
	written = write(STDERR_FILENO, line, (size_t)length);
	(void)written; /* nowhere left to say that it failed */
}

static void act_as_configured(enum alloc_family family, const void *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, read_configured_action);
	if (configured_action == REFUSAL_IGNORE)
		return;
	report(family, p);
	if (configured_action == REFUSAL_ABORT)
		abort();
}

void alloc_refused(enum alloc_family family, void *p)
{
	alloc_refused_handler handler;
	void *context;
	int saved = errno;

	atomic_fetch_add_explicit(&counts[family], 1, memory_order_relaxed);
	(void)pthread_mutex_lock(&refusal.lock);
	handler = refusal.handler;
	context = refusal.context;
	(void)pthread_mutex_unlock(&refusal.lock);
	if (handler)
		handler(context, (uint32_t)family, p);
	else
		act_as_configured(family, p);
	status_set_last_error(ERROR_INVALID_BLOCK);
	errno = saved;
}

uint64_t alloc_refused_count(enum alloc_family family)
{
	return atomic_load_explicit(&counts[family], memory_order_relaxed);
}

void alloc_set_refused_handler(alloc_refused_handler handler, void *context)
{
	(void)pthread_mutex_lock(&refusal.lock);
	refusal.handler = handler;
	refusal.context = context;
	(void)pthread_mutex_unlock(&refusal.lock);
}
