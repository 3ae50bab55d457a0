/*
 * Each set of texts lies in pages of its own, so that locking and leaving out of dumps
 * concern nothing else. The lock is held across fork: a child finds it free and the texts
 * whole.
 */
#include "base/credentials.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct credentials current;
static bool fork_is_safe;

static void lock_current(void)
{
	(void)pthread_mutex_lock(&lock);
}

static void unlock_current(void)
{
	(void)pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void prepare_for_fork(void)
{
	fork_is_safe = pthread_atfork(lock_current, unlock_current, unlock_current) == 0;
}

/* The limit on locked memory may be 0, and old kernels know no MADV_DONTDUMP: less
 * secret, but still of use. */
static status new_block(struct credentials *c, size_t size)
{
	void *block = MAP_FAILED;

	if (fork_is_safe)
		block = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return status_no_memory();
	(void)mlock(block, size);
	(void)madvise(block, size, MADV_DONTDUMP);
	*c = (struct credentials){.block = block, .size = size};
	return STATUS_OK;
}

static status copy_texts(
	struct credentials *c, const char *user, const char *domain, const char *password)
{
	size_t user_size = strlen(user) + 1, domain_size = strlen(domain) + 1;
	size_t password_size = strlen(password) + 1;
	char *text;
	status rc = new_block(c, user_size + domain_size + password_size);

	if (failed(rc))
		return rc;
	text = c->block;
	c->user = memcpy(text, user, user_size);
	c->domain = memcpy(text + user_size, domain, domain_size);
	c->password = memcpy(text + user_size + domain_size, password, password_size);
	return STATUS_OK;
}

void credentials_wipe(struct credentials *c)
{
	if (c->block) {
		explicit_bzero(c->block, c->size);
		(void)munmap(c->block, c->size);
	}
	*c = (struct credentials){0};
}

static void replace_current(struct credentials with)
{
	struct credentials former;

	lock_current();
	former = current;
	current = with;
	unlock_current();
	credentials_wipe(&former);
}

status credentials_keep(const char *user, const char *domain, const char *password)
{
	struct credentials new;
	status rc = copy_texts(&new, user, domain, password);

	if (!failed(rc))
		replace_current(new);
	return rc;
}

void credentials_forget(void)
{
	replace_current((struct credentials){0});
}

__attribute__((destructor)) static void forget_at_exit(void)
{
	credentials_forget();
}

status credentials_get(struct credentials *copy, bool *kept)
{
	status rc = STATUS_OK;

	*copy = (struct credentials){0};
	lock_current();
	*kept = current.block != NULL;
	if (*kept)
		rc = copy_texts(copy, current.user, current.domain, current.password);
	unlock_current();
	return rc;
}
