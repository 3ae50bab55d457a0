#include "engine/bdb_patience.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Shared by the two threads; the last one that leaves frees it. */
struct errand {
	status (*deed)(void *context);
	void *context;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool done, abandoned;
	status rc;
	char *detail;
};

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
	const status rc = errand->deed(errand->context);
	char *detail = failed(rc) ? strdup(status_pending()) : NULL;
	bool abandoned;

	(void)pthread_mutex_lock(&errand->mutex);
	errand->rc = rc;
	errand->detail = detail;
	errand->done = true;
	abandoned = errand->abandoned;
	(void)pthread_cond_signal(&errand->changed);
	(void)pthread_mutex_unlock(&errand->mutex);
	if (abandoned)
		errand_free(errand);
	return NULL;
}

static struct errand *errand_new(status (*deed)(void *context), void *context)
{
	struct errand *errand = calloc(1, sizeof(*errand));
	pthread_condattr_t attributes;

	if (!errand)
		return NULL;
	errand->deed = deed;
	errand->context = context;
	(void)pthread_mutex_init(&errand->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&errand->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	return errand;
}

static bool wait_for(struct errand *errand, unsigned seconds)
{
	struct timespec until;
	bool done;
	int err = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)seconds;
	(void)pthread_mutex_lock(&errand->mutex);
	while (!errand->done && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&errand->changed, &errand->mutex, &until);
	done = errand->done;
	errand->abandoned = !done;
	(void)pthread_mutex_unlock(&errand->mutex);
	return done;
}

static int start(struct errand *errand, pthread_t *thread)
{
	return pthread_create(thread, NULL, run_errand, errand);
}

status bdb_within(unsigned seconds, status (*deed)(void *context), void *context,
	const char *what, bool *hung)
{
	struct errand *errand = errand_new(deed, context);
	pthread_t thread;
	status rc;
	int err;

	*hung = false;
	if (!errand)
		return status_no_memory();
	err = start(errand, &thread);
	if (err) {
		errand_free(errand);
		return status_errno(err, "store worker: thread");
	}
	*hung = !wait_for(errand, seconds);
	if (*hung) {
		(void)pthread_detach(thread);
		return status_fail(hrCouldNotConnect,
			"%s: the Berkeley DB environment does not answer within %u "
			"seconds: a "
			"process that used it was probably killed. Stop the server, by "
			"force "
			"if need be, and start it again: it then recovers its databases",
			what, seconds);
	}
	(void)pthread_join(thread, NULL);
	rc = errand->rc;
	if (failed(rc))
		rc = status_fail(rc, "%s", errand->detail ? errand->detail : what);
	errand_free(errand);
	return rc;
}
