/*
 * A ring of buffers: `queued` of them, from `tail` on, wait for the thread, and `head` is
 * the one that the caller fills. Both only read a buffer that is queued, so that it can
 * be hashed and written at once.
 */
#include "common/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/report.h"

#define RING 4

/* Waking the thread up takes longer than hashing so little. */
#define SMALL (64u << 10)

struct digest {
	EVP_MD_CTX *context;
	unsigned char *buffers[RING];
	size_t sizes[RING];
	unsigned head, tail, queued;
	bool threaded, ending, broken;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

static void hash_chunk(struct digest *d, unsigned index)
{
	if (EVP_DigestUpdate(d->context, d->buffers[index], d->sizes[index]) != 1)
		d->broken = true;
}

static void *run(void *context)
{
	struct digest *d = context;

	pthread_mutex_lock(&d->mutex);
	for (;;) {
		while (d->queued == 0 && !d->ending)
			pthread_cond_wait(&d->changed, &d->mutex);
		if (d->queued == 0)
			break;
		pthread_mutex_unlock(&d->mutex);
		hash_chunk(d, d->tail);
		pthread_mutex_lock(&d->mutex);
		d->tail = (d->tail + 1) % RING;
		d->queued--;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->mutex);
	return NULL;
}

static void crypto_failed(void)
{
	report_plain("libcrypto cannot compute SHA-256");
	exit(EXIT_FAILED);
}

/* TYPE: NULL for the one that it had, which need not be looked up again. */
static void begin(struct digest *d, const EVP_MD *type)
{
	if (EVP_DigestInit_ex(d->context, type, NULL) != 1)
		crypto_failed();
}

struct digest *digest_new(void)
{
	struct digest *d = xmalloc(sizeof(*d));

	d->context = EVP_MD_CTX_new();
	if (!d->context)
		crypto_failed();
	begin(d, EVP_sha256());
	for (unsigned i = 0; i < RING; i++)
		d->buffers[i] = xmalloc(DIGEST_CHUNK);
	if (pthread_mutex_init(&d->mutex, NULL) == 0 &&
		pthread_cond_init(&d->changed, NULL) == 0)
		d->threaded = pthread_create(&d->thread, NULL, run, d) == 0;
	return d;
}

void *digest_buffer(struct digest *d)
{
	if (d->threaded) {
		pthread_mutex_lock(&d->mutex);
		while (d->queued == RING)
			pthread_cond_wait(&d->changed, &d->mutex);
		pthread_mutex_unlock(&d->mutex);
	}
	return d->buffers[d->head];
}

/* Nothing is queued, so that the thread uses neither context nor buffers. */
static bool is_idle(struct digest *d)
{
	bool idle;

	pthread_mutex_lock(&d->mutex);
	idle = d->queued == 0;
	pthread_mutex_unlock(&d->mutex);
	return idle;
}

void digest_add(struct digest *d, size_t size)
{
	d->sizes[d->head] = size;
	if (!d->threaded || (size <= SMALL && is_idle(d))) {
		hash_chunk(d, d->head);
		return;
	}
	pthread_mutex_lock(&d->mutex);
	d->head = (d->head + 1) % RING;
	d->queued++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
}

static void wait_until_hashed(struct digest *d)
{
	if (!d->threaded)
		return;
	pthread_mutex_lock(&d->mutex);
	while (d->queued > 0)
		pthread_cond_wait(&d->changed, &d->mutex);
	pthread_mutex_unlock(&d->mutex);
}

void digest_finish(struct digest *d, char hex[DIGEST_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	wait_until_hashed(d);
	if (d->broken || EVP_DigestFinal_ex(d->context, raw, &size) != 1 ||
		size * 2 + 1 != DIGEST_SIZE)
		crypto_failed();
	for (unsigned i = 0; i < size; i++) {
		*hex++ = digits[raw[i] >> 4];
		*hex++ = digits[raw[i] & 15];
	}
	*hex = '\0';
	begin(d, NULL);
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	if (d->threaded) {
		pthread_mutex_lock(&d->mutex);
		d->ending = true;
		pthread_cond_broadcast(&d->changed);
		pthread_mutex_unlock(&d->mutex);
		pthread_join(d->thread, NULL);
	}
	for (unsigned i = 0; i < RING; i++)
		free(d->buffers[i]);
	EVP_MD_CTX_free(d->context);
	free(d);
}
