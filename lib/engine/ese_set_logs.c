/* Which logs a backup lists (ese_set.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/trace.h"
#include "engine/ese_logset_path.h"
#include "engine/ese_names.h"
#include "engine/ese_set.h"
#include "engine/log_part.h"

/* Of which logs, and up to which one. */
struct row {
	uint32_t low, high;                    /* 0, 0: none */
	const struct ese_signature *signature; /* NULL: not known */
};

/* ---- names ---- */

/* The name that the current log will have once it is full, written as its neighbours' are. */
static char *name_when_full(
	const struct ese_logset *set, const struct ese_logset_item *item)
{
	const char *extension = strrchr(item->name, '.');
	const struct ese_name own = ese_name_parse(item->name);
	char *name = NULL;

	for (size_t i = set->count; i-- > 0;) {
		const struct ese_name other = ese_name_parse(set->items[i].name);

		if (other.kind != ESE_NAME_LOG || other.digits <= 5)
			continue;
		if (asprintf(&name, "%s%08" PRIX32 "%s", own.base, item->generation,
			    extension) < 0)
			return NULL;
		return name;
	}
	return ese_log_name(own.base, item->generation, extension);
}

/* PATH becomes what the unfinished log in PLACE, open as FD, is listed as. */
static status name_part(const struct ese_logset *set, const struct ese_logset_item *item,
	int fd, struct ese_member *member)
{
	char *full = name_when_full(set, item), *part;
	uint64_t used;
	status rc = full ? ese_log_used(fd, member->place, &member->log,
				   member->stamp.size, &used)
			 : status_no_memory();

	if (failed(rc)) {
		free(full);
		return rc;
	}
	part = log_part_name(full, used);
	free(full);
	member->path = part ? ese_logset_path(set, part) : NULL;
	free(part);
	return member->path ? STATUS_OK : status_no_memory();
}

/* ---- one log ---- */

static status check_size(const struct ese_member *member)
{
	const uint64_t wanted =
		(uint64_t)member->log.file_sectors * member->log.sector_size;

	if (member->stamp.size == wanted)
		return STATUS_OK;
	return status_fail(ESE_WRONG_LOG_SIZE,
		"%s: has %" PRIu64 " bytes; by its header the log has %" PRIu64,
		member->place, member->stamp.size, wanted);
}

static status read_opened(const struct ese_logset *set,
	const struct ese_logset_item *item, int fd, struct ese_member *member)
{
	struct stat st;
	status rc = fstat(fd, &st) == 0 ? STATUS_OK
					: status_errno(errno, "%s", member->place);

	if (failed(rc))
		return rc;
	member->stamp = ese_stamp_of(&st);
	rc = ese_log_read(fd, member->place, &member->log);
	if (!failed(rc))
		rc = check_size(member);
	if (failed(rc))
		return rc;
	if (item->current)
		return name_part(set, item, fd, member);
	member->path = strdup(member->place);
	return member->path ? STATUS_OK : status_no_memory();
}

static status read_log(const struct ese_logset *set, const struct ese_logset_item *item,
	struct ese_member *member)
{
	uint64_t size;
	int fd;
	status rc;

	member->generation = item->generation;
	member->place = ese_logset_path(set, item->name);
	if (!member->place)
		return status_no_memory();
	member->name = strrchr(member->place, '/') + 1;
	rc = ese_open_at(set->dirfd, item->name, member->place, &fd, &size);
	if (failed(rc))
		return rc;
	rc = read_opened(set, item, fd, member);
	(void)close(fd);
	return rc;
}

/* ---- a row of them ---- */

/* Each is noted before it is checked, so that a change in between shows. */
static status freeze_row(struct ese_set *set, const struct row *row)
{
	const struct ese_logset *found = &set->log_dir.set;
	const struct ese_logset_check check = {
		.low = row->low, .high = row->high, .signature = row->signature};
	status rc = STATUS_OK;

	if (row->low == 0)
		return STATUS_OK;
	set->logs = calloc((size_t)(row->high - row->low) + 1, sizeof(*set->logs));
	if (!set->logs)
		return status_no_memory();
	for (uint32_t g = row->low; g <= row->high && !failed(rc); g++) {
		struct ese_member *member = &set->logs[set->log_count++];

		rc = read_log(found, ese_logset_find(found, g), member);
		if (g > row->low)
			member[-1].next = member;
	}
	return failed(rc) ? rc : ese_logset_verify(found, &check);
}

/* ---- which: a full backup ---- */

static bool same_logs(const struct ese_set *set, const struct ese_header *header)
{
	const struct ese_logset_item *item =
		ese_logset_find(&set->log_dir.set, header->consistent.generation);
	struct ese_member member = {0};
	bool same;

	if (!item || !ese_signature_set(&header->log_signature))
		return false;
	same = !failed(read_log(&set->log_dir.set, item, &member)) &&
	       ese_signature_equal(&member.log.signature, &header->log_signature);
	if (!same)
		trace(TRACE_INFO, "%s: is not of the logs of the database",
			member.place ? member.place : set->log_dir.set.path);
	ese_member_free(&member);
	return same;
}

/* Does the row reach from the log of its last change to what is listed so far? */
static bool extends_down(
	const struct ese_set *set, const struct ese_header *header, const struct row *row)
{
	const uint32_t g = header->consistent.generation;

	if (g == 0 || (header->state != ESE_STATE_CLEAN && header->min_required))
		return false;
	if (row->low && (g >= row->low || ese_logset_end_of_row(&set->log_dir.set, g) <
						  row->low - 1))
		return false;
	return same_logs(set, header);
}

/* A clean database needs no log; but a chain of incremental backups can follow only where
 * the logs from its last change on are there. */
static void extend_down(const struct ese_set *set, struct row *row)
{
	const struct ese_header *nearest;

	do {
		nearest = NULL;
		for (size_t i = 0; i < set->database_count; i++) {
			const struct ese_header *header = &set->databases[i].database;

			if (extends_down(set, header, row) &&
				(!nearest || header->consistent.generation >
						     nearest->consistent.generation))
				nearest = header;
		}
		if (nearest) {
			row->low = nearest->consistent.generation;
			row->signature = &nearest->log_signature;
		}
	} while (nearest);
}

static status choose_full(const struct ese_set *set, struct row *row)
{
	const struct ese_logset *found = &set->log_dir.set;
	status rc = ese_need_check(&set->need, found);

	if (failed(rc))
		return rc;
	if (ese_need_supply(&set->need, found) == ESE_SUPPLY_LOSES_COMMITS)
		trace(TRACE_ERROR,
			"%s: the logs after 0x%" PRIX32 " are missing, up to 0x%" PRIX32
			": the last transactions are lost",
			found->path, ese_logset_end_of_row(found, set->need.low),
			set->need.committed);
	row->low = set->need.low;
	if (ese_signature_set(&set->need.signature))
		row->signature = &set->need.signature;
	extend_down(set, row);
	if (row->low)
		row->high = ese_logset_end_of_row(found, row->low);
	return STATUS_OK;
}

/* ---- which: an incremental one ---- */

static status check_circular(const struct ese_set *set)
{
	for (size_t i = 0; i < set->log_count; i++)
		if (set->logs[i].log.flags & ESE_LOG_CIRCULAR)
			return status_fail(hrCircularLogging,
				"%s: was written with circular logging: logs are "
				"overwritten, so every backup is a full one",
				set->logs[i].place);
	return STATUS_OK;
}

static status gone(const struct ese_logset *found, uint32_t generation, uint32_t first)
{
	return status_fail(hrLogFileNotFound,
		"%s: log %s 0x%" PRIX32 " is gone; this backup needs all from 0x%" PRIX32
		" on",
		found->path, found->base, generation, first);
}

/* One newest log that is circular tells why the first one is gone. */
static status check_newest(const struct ese_set *set)
{
	const struct ese_logset *found = &set->log_dir.set;
	struct ese_member newest = {0};
	status rc = read_log(found, &found->items[found->count - 1], &newest);

	if (!failed(rc) && (newest.log.flags & ESE_LOG_CIRCULAR))
		rc = status_fail(hrCircularLogging,
			"%s: was written with circular logging: logs are overwritten, so "
			"every backup is a full one",
			newest.place);
	ese_member_free(&newest);
	return rc;
}

static status choose_incremental(
	const struct ese_set *set, uint32_t first, struct row *row)
{
	const struct ese_logset *found = &set->log_dir.set;
	uint32_t end;
	status rc;

	if (found->count == 0)
		return status_fail(hrCircularLogging, "%s: has no logs %s", found->path,
			found->base);
	rc = check_newest(set);
	if (failed(rc))
		return rc;
	if (first == 0)
		return status_fail(hrLogFileNotFound,
			"%s: the last full backup found no log that this one could "
			"continue",
			found->path);
	end = ese_logset_end_of_row(found, first);
	if (end < first || end != found->items[found->count - 1].generation)
		return gone(found, end < first ? first : end + 1, first);
	*row = (struct row){.low = first, .high = end};
	for (size_t i = 0; i < set->database_count && !row->signature; i++)
		if (ese_signature_set(&set->databases[i].database.log_signature))
			row->signature = &set->databases[i].database.log_signature;
	return STATUS_OK;
}

status ese_set_freeze_logs(const struct engine_begin *how, struct ese_set *set)
{
	struct row row = {0};
	status rc = how->incremental
			    ? choose_incremental(set, how->first_generation, &row)
			    : choose_full(set, &row);

	if (!failed(rc))
		rc = freeze_row(set, &row);
	return failed(rc) || !how->incremental ? rc : check_circular(set);
}
