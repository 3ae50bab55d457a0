/*
 * plan.h - which saved file goes where
 */
#ifndef COMMON_PLAN_H
#define COMMON_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/set_reader.h"

struct move {
	struct set *set;
	const struct item *item;
	char *target; /* absolute */
};

/* All zero is the empty plan. */
struct plan {
	struct move *moves;
	size_t count, capacity;
};

/* The rules of --map. */
struct rule {
	char *old_path, *new_path;
};

struct rules {
	struct rule *items;
	size_t count, capacity;
};

/* Understands OLD=NEW with the help of SET, since a path may hold '=' too: OLD is at or
 * above something in it. False: reported. */
bool rules_parse(struct rules *rules, const struct strings *maps, const struct set *set);
void rules_free(struct rules *rules);

/* Where PATH goes: the most particular rule wins. A new string. */
char *rules_apply(const struct rules *rules, const char *path);

/* Adds all of SET that is of KIND. */
void plan_add(struct plan *plan, struct set *set, enum item_kind kind,
	const struct rules *rules);

/* Two files for one place are refused. False: reported. */
bool plan_check(const struct plan *plan);

/* Adds the logs of SET, which all go to DIRECTORY. */
void plan_add_logs(struct plan *plan, struct set *set, const char *directory);

/* Have the file systems that all the plans go to room for them, and may they be reached
 * (trusted.h)? False: reported. */
bool plan_check_room(const struct plan *const *plans, size_t count);

uint64_t plan_bytes(const struct plan *plan);
void plan_print(const struct plan *plan);
void plan_free(struct plan *plan);

#endif
