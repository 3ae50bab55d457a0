#include "engine/bdb_patience.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { MS = 1000, NS = 1000000 };

/* Shared by the two threads; the last one that leaves frees it. */
struct errand {
	status (*deed)(void *context);
	void *context;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int64_t patience_ms, until_ms;
	bool done, abandoned;
	status rc;
	char *detail;
};

static _Thread_local struct errand *own; /* that this thread is on */
static atomic_uint away;                 /* abandoned and not come back */

static void errand_free(struct errand *errand)
{
	(void)pthread_cond_destroy(&errand->changed);
	(void)pthread_mutex_destroy(&errand->mutex);
	free(errand->detail);
	free(errand);
}

/* Explanations are kept for each thread. */
static void *run_errand(void *argument)
{
	struct errand *errand = argument;
	char *detail;
	bool abandoned;
	status rc;

	own = errand;
	rc = errand->deed(errand->context);
	detail = failed(rc) ? strdup(status_pending()) : NULL;
	(void)pthread_mutex_lock(&errand->mutex);
	errand->rc = rc;
	errand->detail = detail;
	errand->done = true;
	abandoned = errand->abandoned;
	(void)pthread_cond_signal(&errand->changed);
	(void)pthread_mutex_unlock(&errand->mutex);
	if (abandoned) {
		errand_free(errand);
		(void)atomic_fetch_sub(&away, 1);
	}
	return NULL;
}

void bdb_going_on(void)
{
	if (!own)
		return;
	(void)pthread_mutex_lock(&own->mutex);
	own->until_ms = clock_now_ms() + own->patience_ms;
	(void)pthread_mutex_unlock(&own->mutex);
}

bool bdb_deeds_under_way(void)
{
	return atomic_load(&away) > 0;
}

static struct errand *errand_new(
	unsigned seconds, status (*deed)(void *context), void *context)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	pthread_condattr_t attributes;

	if (!errand)
		return NULL;
	errand->deed = deed;
	errand->context = context;
	errand->patience_ms = (int64_t)seconds * MS;
	errand->until_ms = clock_now_ms() + errand->patience_ms;
	(void)pthread_mutex_init(&errand->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&errand->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return errand;
}

static bool wait_for(struct errand *errand)
{
	bool done;

	(void)pthread_mutex_lock(&errand->mutex);
	while (!errand->done && clock_now_ms() < errand->until_ms) {
		const struct timespec until = {.tv_sec = (time_t)(errand->until_ms / MS),
			.tv_nsec = (long)(errand->until_ms % MS * NS)};

		(void)pthread_cond_timedwait(&errand->changed, &errand->mutex, &until);
	}
	done = errand->done;
	errand->abandoned = !done;
	if (!done)
		(void)atomic_fetch_add(&away, 1);
	(void)pthread_mutex_unlock(&errand->mutex);
	return done;
}

status bdb_within(unsigned seconds, status (*deed)(void *context), void *context,
	const char *what, bool *hung)
{
	struct errand *errand = errand_new(seconds, deed, context);
	pthread_t thread;
	status rc;
	int err;

	*hung = false;
	if (!errand)
		return status_no_memory();
	err = pthread_create(&thread, NULL, run_errand, errand);
	if (err) {
		errand_free(errand);
		return status_errno(err, "store worker: thread");
	}
	*hung = !wait_for(errand);
	if (*hung) {
		(void)pthread_detach(thread);
		return status_fail(hrCouldNotConnect,
			"%s: the Berkeley DB environment does not answer within %u "
			"seconds: a process that used it was probably killed. Stop the "
			"server, by force if need be, and start it again: it then "
			"recovers its databases",
			what, seconds);
	}
	(void)pthread_join(thread, NULL);
	rc = errand->rc;
	if (failed(rc))
		rc = status_fail(rc, "%s", errand->detail ? errand->detail : what);
	errand_free(errand);
	return rc;
}
