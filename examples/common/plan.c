#include "common/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "common/trusted.h"

/* ---- rules ---- */

static bool covers(const struct set *set, const char *old_path)
{
	for (size_t i = 0; i < set->manifest.count; i++)
		if (set->manifest.items[i].kind != ITEM_DIRECTORY &&
			path_is_below(set->manifest.items[i].path, old_path))
			return true;
	return false;
}

static char *without_slashes(const char *path, size_t length)
{
	while (length > 1 && path[length - 1] == '/')
		length--;
	return xstrndup(path, length);
}

/* MAP, split at EQUALS, as a rule, if that makes sense of it. */
static bool try_split(
	const char *map, const char *equals, const struct set *set, struct rule *rule)
{
	rule->old_path = without_slashes(map, (size_t)(equals - map));
	rule->new_path = without_slashes(equals + 1, strlen(equals + 1));
	if (path_is_clean(rule->old_path) && path_is_clean(rule->new_path) &&
		covers(set, rule->old_path))
		return true;
	free(rule->old_path);
	free(rule->new_path);
	return false;
}

bool rules_parse(struct rules *rules, const struct strings *maps, const struct set *set)
{
	for (size_t i = 0; i < maps->count; i++) {
		const char *map = maps->items[i];
		struct rule rule = {0};
		bool found = false;

		for (const char *p = strchr(map, '='); p && !found;
			p = strchr(p + 1, '='))
			found = try_split(map, p, set, &rule);
		if (!found)
			return report_problem(ERROR_INVALID_PARAMETER, map,
				"not OLD=NEW, two absolute paths, with OLD at or above a "
				"file "
				"of the set");
		array_reserve(&rules->items, rules->count, &rules->capacity,
			sizeof(*rules->items));
		rules->items[rules->count++] = rule;
	}
	return true;
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		free(rules->items[i].old_path);
		free(rules->items[i].new_path);
	}
	free(rules->items);
	memset(rules, 0, sizeof(*rules));
}

char *rules_apply(const struct rules *rules, const char *path)
{
	const struct rule *best = NULL;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];

		if (path_is_below(path, rule->old_path) &&
			(!best || strlen(rule->old_path) > strlen(best->old_path)))
			best = rule;
	}
	if (!best)
		return xstrdup(path);
	return xasprintf("%s%s", best->new_path, path + strlen(best->old_path));
}

/* ---- plans ---- */

static void add_move(
	struct plan *plan, struct set *set, const struct item *item, char *target)
{
	array_reserve(&plan->moves, plan->count, &plan->capacity, sizeof(*plan->moves));
	plan->moves[plan->count++] =
		(struct move){.set = set, .item = item, .target = target};
}

void plan_add(struct plan *plan, struct set *set, enum item_kind kind,
	const struct rules *rules)
{
	for (size_t i = 0; i < set->manifest.count; i++) {
		const struct item *item = &set->manifest.items[i];

		if (item->kind == kind)
			add_move(plan, set, item, rules_apply(rules, item->path));
	}
}

void plan_add_logs(struct plan *plan, struct set *set, const char *directory)
{
	for (size_t i = 0; i < set->manifest.count; i++) {
		const struct item *item = &set->manifest.items[i];

		if (item->kind == ITEM_LOG || item->kind == ITEM_PATCH)
			add_move(plan, set, item,
				xasprintf("%s/%s", directory, path_base(item->path)));
	}
}

static int compare_targets(const void *a, const void *b)
{
	const struct move *const *x = a, *const *y = b;

	return strcmp((*x)->target, (*y)->target);
}

bool plan_check(const struct plan *plan)
{
	const struct move **sorted = xmalloc(plan->count * sizeof(struct move *));
	const char *twice = NULL;

	for (size_t i = 0; i < plan->count; i++)
		sorted[i] = &plan->moves[i];
	qsort(sorted, plan->count, sizeof(struct move *), compare_targets);
	for (size_t i = 1; i < plan->count && !twice; i++)
		if (!strcmp(sorted[i - 1]->target, sorted[i]->target))
			twice = sorted[i]->target;
	free(sorted);
	return !twice || report_problem(ERROR_INVALID_PARAMETER, twice,
				 "two files of the set would come here");
}

/* ---- room ---- */

struct volume {
	dev_t device;
	uint64_t needed, room;
	const char *example; /* a target on it */
};

struct volumes {
	struct volume *items;
	size_t count, capacity;
};

/* Opens the directory of TARGET, or what exists above it. -1: reported. */
static int find_existing(const char *target)
{
	char *path = path_parent(target);
	int fd = trusted_find(path);

	while (fd < 0 && errno == ENOENT) {
		char *above = path_parent(path);

		free(path);
		path = above;
		fd = trusted_find(path);
	}
	free(path);
	return fd;
}

static bool find_volume(const char *target, struct volume *volume)
{
	int fd = find_existing(target);
	struct statvfs fs;
	struct stat st;
	bool ok;

	if (fd < 0)
		return false;
	ok = (fstat(fd, &st) == 0 && fstatvfs(fd, &fs) == 0) ||
	     report_errno(errno, target);
	close(fd);
	if (!ok)
		return false;
	volume->device = st.st_dev;
	volume->room =
		(uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
	volume->example = target;
	return true;
}

static void add_need(struct volumes *volumes, const struct volume *found, uint64_t bytes)
{
	for (size_t i = 0; i < volumes->count; i++) {
		if (volumes->items[i].device == found->device) {
			volumes->items[i].needed += bytes;
			return;
		}
	}
	array_reserve(&volumes->items, volumes->count, &volumes->capacity,
		sizeof(*volumes->items));
	volumes->items[volumes->count] = *found;
	volumes->items[volumes->count++].needed = bytes;
}

static bool has_room(const struct volume *volume)
{
	char need[STR_BYTES_SIZE], have[STR_BYTES_SIZE];

	if (volume->needed <= volume->room)
		return true;
	str_bytes((double)volume->needed, need);
	str_bytes((double)volume->room, have);
	return report_problem(ERROR_DISK_FULL, volume->example,
		"the restore needs %s in this file system, and only %s are free", need,
		have);
}

static bool add_needs(struct volumes *volumes, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct volume found = {0};

		if (!find_volume(plan->moves[i].target, &found))
			return false;
		add_need(volumes, &found, plan->moves[i].item->size);
	}
	return true;
}

bool plan_check_room(const struct plan *const *plans, size_t count)
{
	struct volumes volumes = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = add_needs(&volumes, plans[i]);
	for (size_t i = 0; ok && i < volumes.count; i++)
		ok = has_room(&volumes.items[i]);
	free(volumes.items);
	return ok;
}

uint64_t plan_bytes(const struct plan *plan)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < plan->count; i++)
		bytes += plan->moves[i].item->size;
	return bytes;
}

void plan_print(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct move *move = &plan->moves[i];
		char *from = str_display(move->item->path),
		     *to = str_display(move->target);

		printf("%-9s %12" PRIu64 " %s -> %s\n", item_kind_name(move->item->kind),
			move->item->size, from, to);
		free(to);
		free(from);
	}
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		free(plan->moves[i].target);
	free(plan->moves);
	memset(plan, 0, sizeof(*plan));
}
