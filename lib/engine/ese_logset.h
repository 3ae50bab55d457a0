/*
 * ese_logset.h - the logs in a directory, and which of them databases need
 *
 * Nothing is followed out of the directory: files are opened by their names in it, symbolic
 * links refused.
 */
#ifndef ENGINE_ESE_LOGSET_H
#define ENGINE_ESE_LOGSET_H

#include "engine/ese_header.h"
#include "engine/ese_log.h"

struct ese_logset_item {
	char *name; /* in the directory */
	uint32_t generation;
	bool current; /* the generation is the header's */
	uint64_t size;
};

struct ese_logset {
	int dirfd;                     /* the caller's, which must stay open */
	char *path;                    /* of the directory, for messages */
	char base[4];                  /* as asked for */
	struct ese_logset_item *items; /* rising generations, each once */
	size_t count, capacity;
	char *checkpoint; /* its name; NULL: there is none */
};

/* The logs of BASE ("edb") that are in the directory.
 *	hrInvalidLogSequence	two files of one generation, or two current logs or
 *				checkpoints, both named
 *	hrLogFileCorrupt, hrBadLogVersion	the current log's header
 * Free also after a failure. */
status ese_logset_read(
	int dirfd, const char *path, const char *base, struct ese_logset *set);
void ese_logset_free(struct ese_logset *set);

/* The base name of the logs or the checkpoint in the directory, where all have the same:
 * else "" in BASE. */
status ese_logset_find_base(int dirfd, const char *path, char base[4]);

/* NULL: not there. */
const struct ese_logset_item *ese_logset_find(
	const struct ese_logset *set, uint32_t generation);

/* The last generation of the unbroken row that begins with FROM; FROM - 1: not even it. */
uint32_t ese_logset_end_of_row(const struct ese_logset *set, uint32_t from);

/* ---- what databases need ---- */

/* All zero: nothing. */
struct ese_need {
	uint32_t low, high; /* without these it cannot be recovered; 0: none */
	uint32_t committed; /* up to here nothing is lost; 0: none */
	struct ese_signature signature; /* of the logs; unset: not known */
};

/* Adds what the database PATH with HEADER needs. hrBadLogSignature: it was written with
 * other logs than those before it. */
status ese_need_add(
	struct ese_need *need, const struct ese_header *header, const char *path);

enum ese_supply {
	ESE_SUPPLY_COMPLETE,
	ESE_SUPPLY_LOSES_COMMITS, /* ESE_COMMITTED_LOGS_LOST */
	ESE_SUPPLY_ENDS_EARLY,    /* ESE_LOGS_END_EARLY */
	ESE_SUPPLY_HAS_GAPS,      /* hrMissingLogFile */
};

/* What the set has of it, and what a replay would say. */
enum ese_supply ese_need_supply(
	const struct ese_need *need, const struct ese_logset *set);

/* hrMissingLogFile, naming the range and what is missing of it, unless all required logs are
 * there; a set that only loses commits is fine. */
status ese_need_check(const struct ese_need *need, const struct ese_logset *set);

/* ---- are they one sequence? ---- */

struct ese_logset_check {
	uint32_t low, high;                    /* generations */
	const struct ese_signature *signature; /* which all must have; NULL: any */
	bool bodies;                           /* read them whole (ese_log_verify) */
	const struct ese_tick *tick;           /* bytes of all bodies; NULL: none */
};

/* Each log there, undamaged, under its own name, and the one that followed the one before.
 * The first that is not fails it, by name:
 *	hrMissingLogFile	not there
 *	ESE_WRONG_GENERATION	its header has another generation than its name
 *	hrBadLogSignature	not of CHECK's signature
 *	and what ese_log_read, ese_log_verify and ese_log_follows say */
status ese_logset_verify(
	const struct ese_logset *set, const struct ese_logset_check *check);

#endif
