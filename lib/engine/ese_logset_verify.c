/* Are the logs of a set one sequence? (ese_logset.h) */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/ese_logset_path.h"
#include "engine/ese_names.h"

/* One log of the row, and the one before it. */
struct link {
	struct ese_log log;
	char *path; /* NULL: none */
};

/* A tick over all bodies. */
struct total {
	const struct ese_tick *tick;
	uint64_t before;
};

static status add_up(void *context, uint64_t done)
{
	const struct total *total = context;

	return total->tick->tick(total->tick->context, total->before + done);
}

static status missing(const struct ese_logset *set, uint32_t generation)
{
	char *name = ese_log_name(set->base, generation, ".log");
	status rc = name ? status_fail(hrMissingLogFile,
				   "%s/%s: log 0x%" PRIX32 " is missing", set->path, name,
				   generation)
			 : status_no_memory();

	free(name);
	return rc;
}

static status check_identity(const struct ese_logset_item *item, const struct link *link,
	const struct ese_signature *signature)
{
	const struct ese_log_header *header = &link->log.header;

	if (header->generation != item->generation)
		return status_fail(ESE_WRONG_GENERATION,
			"%s: by its name this is log 0x%" PRIX32
			", by its header 0x%" PRIX32,
			link->path, item->generation, header->generation);
	if (signature && !ese_signature_equal(&header->signature, signature))
		return status_fail(hrBadLogSignature,
			"%s: is of another sequence of logs than the database",
			link->path);
	return STATUS_OK;
}

static status read_link(const struct ese_logset *set, const struct ese_logset_item *item,
	const struct ese_logset_check *check, const struct ese_tick *tick,
	struct link *link)
{
	uint64_t size;
	int fd;
	status rc;

	*link = (struct link){.path = ese_logset_path(set, item->name)};
	if (!link->path)
		return status_no_memory();
	rc = ese_open_at(set->dirfd, item->name, link->path, &fd, &size);
	if (failed(rc))
		return rc;
	/* The header first: what is named wrongly need not be read whole. */
	rc = ese_log_read(fd, link->path, &link->log.header);
	if (!failed(rc))
		rc = check_identity(item, link, check->signature);
	if (!failed(rc) && check->bodies)
		rc = ese_log_verify(fd, link->path, tick, &link->log);
	(void)close(fd);
	return rc;
}

static status verify_one(const struct ese_logset *set, uint32_t generation,
	const struct ese_logset_check *check, struct total *total, struct link *previous)
{
	const struct ese_logset_item *item = ese_logset_find(set, generation);
	const struct ese_tick tick = {add_up, total};
	struct link link;
	status rc;

	if (!item)
		return missing(set, generation);
	rc = read_link(set, item, check, total->tick ? &tick : NULL, &link);
	if (!failed(rc) && previous->path)
		rc = ese_log_follows(
			&previous->log, previous->path, &link.log, link.path);
	total->before += item->size;
	free(previous->path);
	*previous = link;
	return rc;
}

status ese_logset_verify(
	const struct ese_logset *set, const struct ese_logset_check *check)
{
	struct total total = {.tick = check->tick};
	struct link previous = {.path = NULL};
	status rc = STATUS_OK;

	for (uint64_t g = check->low; g <= check->high && !failed(rc); g++)
		rc = verify_one(set, (uint32_t)g, check, &total, &previous);
	free(previous.path);
	return rc;
}
