/*
 * A ring of files: from `taken` to `done` those with results, from there to `added` those
 * to do. Either side is woken up for many of them at once, since that takes longer than
 * copying a small one.
 */
#include "sisbackup/copier.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/tree.h"

#define RING  1024u
#define BATCH 16u

struct job {
	size_t index;
	char *relative;
	struct entry entry; /* what content_copy uses and changes of it */
	enum outcome outcome;
};

struct copier {
	struct set_output *output;
	struct tree tree;
	struct ahead *ahead;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct job jobs[RING];
	size_t taken, done, added; /* of all that there ever were */
	bool idle, waited_for, ending;
};

static struct copier *active;

/* ---- the thread ---- */

static enum outcome copy(struct copier *c, struct job *job)
{
	const char *name;
	char *path = tree_label(&c->tree, job->relative);
	int dirfd = tree_parent(&c->tree, job->relative, false, &name);
	bool copied = false;
	enum outcome outcome = SKIPPED;

	if (dirfd >= 0)
		outcome =
			content_copy(c->output, dirfd, name, path, &job->entry, &copied);
	if (outcome == CHANGED && copied && !set_output_forget_last(c->output))
		outcome = STOPPED;
	free(path);
	return outcome;
}

/* Nobody else touches a job that is to be done. */
static bool do_next(struct copier *c, bool stopped)
{
	struct job *job = &c->jobs[c->done % RING];
	uint64_t size = job->entry.size;

	pthread_mutex_unlock(&c->mutex);
	job->outcome = stopped ? STOPPED : copy(c, job);
	ahead_done(c->ahead, size);
	pthread_mutex_lock(&c->mutex);
	c->done++;
	return job->outcome == STOPPED;
}

static bool worth_waking_caller(const struct copier *c)
{
	return c->waited_for && (c->done == c->added || c->done - c->taken >= RING / 2);
}

static void *run(void *context)
{
	struct copier *c = context;
	bool stopped = false;

	pthread_mutex_lock(&c->mutex);
	while (!c->ending) {
		if (c->done < c->added) {
			stopped = do_next(c, stopped);
			if (worth_waking_caller(c))
				pthread_cond_signal(&c->changed);
			continue;
		}
		c->idle = true;
		pthread_cond_wait(&c->changed, &c->mutex);
		c->idle = false;
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

/* ---- the other side ---- */

/* Signals are the main thread's. */
static bool start(struct copier *c)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&c->thread, NULL, run, c) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

static void stop(struct copier *c)
{
	pthread_mutex_lock(&c->mutex);
	c->ending = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
}

/* Before the set's output goes, when either thread is out of memory. */
static void stop_active(void)
{
	if (active && !pthread_equal(pthread_self(), active->thread))
		stop(active);
}

struct copier *copier_new(
	struct set_output *o, int root_fd, const char *root, struct ahead *ahead)
{
	struct copier *c = xmalloc(sizeof(*c));

	c->output = o;
	c->ahead = ahead;
	tree_init(&c->tree, root_fd, root);
	if (atexit(stop_active) == 0 && pthread_mutex_init(&c->mutex, NULL) == 0 &&
		pthread_cond_init(&c->changed, NULL) == 0 && start(c)) {
		active = c;
		return c;
	}
	free(c);
	return NULL;
}

bool copier_is_full(struct copier *c)
{
	return c->added - c->taken == RING; /* both are the caller's to change */
}

void copier_add(
	struct copier *c, size_t index, const char *relative, const struct entry *entry)
{
	struct job *job = &c->jobs[c->added % RING];

	*job = (struct job){.index = index, .relative = xstrdup(relative)};
	job->entry.kind = entry->kind;
	job->entry.path = entry->path;
	job->entry.st = entry->st;
	job->entry.size = entry->size;
	pthread_mutex_lock(&c->mutex);
	c->added++;
	if (c->idle && c->added - c->done >= BATCH)
		pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

/* Is there a result? */
static bool wait_for_one(struct copier *c, bool wait)
{
	bool any;

	pthread_mutex_lock(&c->mutex);
	while (wait && c->done == c->taken && c->done < c->added) {
		if (c->idle)
			pthread_cond_signal(&c->changed);
		c->waited_for = true;
		pthread_cond_wait(&c->changed, &c->mutex);
		c->waited_for = false;
	}
	any = c->done > c->taken;
	pthread_mutex_unlock(&c->mutex);
	return any;
}

bool copier_take(struct copier *c, bool wait, struct copier_result *result)
{
	struct job *job;

	if (!wait_for_one(c, wait))
		return false;
	job = &c->jobs[c->taken % RING];
	*result = (struct copier_result){.index = job->index,
		.outcome = job->outcome,
		.size = job->entry.size,
		.sparse = job->entry.sparse,
		.checksum = job->entry.checksum,
		.ranges = job->entry.ranges};
	free(job->relative);
	pthread_mutex_lock(&c->mutex);
	c->taken++;
	pthread_mutex_unlock(&c->mutex);
	return true;
}

static void drop_jobs(struct copier *c)
{
	for (; c->taken < c->added; c->taken++) {
		struct job *job = &c->jobs[c->taken % RING];

		free(job->relative);
		free(job->entry.ranges.items);
	}
}

void copier_free(struct copier *c)
{
	if (!c)
		return;
	active = NULL;
	stop(c);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	drop_jobs(c);
	tree_close(&c->tree);
	free(c);
}
