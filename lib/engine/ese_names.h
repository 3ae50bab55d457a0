/*
 * ese_names.h - what the files beside a database are called
 *
 * BASE.log is the log that is written to, BASE with five or eight hexadecimal digits one
 * that is full, BASE.chk the checkpoint; BASE is any three characters. Newer machines
 * write .jtx and .jcp. Capitals and small letters are the same.
 */
#ifndef ENGINE_ESE_NAMES_H
#define ENGINE_ESE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { ESE_BASE_LENGTH = 3 };

enum ese_name_kind {
	ESE_NAME_OTHER, /* databases among them, which may be called anything */
	ESE_NAME_LOG,   /* a full one, its generation in its name */
	ESE_NAME_CURRENT_LOG,
	ESE_NAME_CHECKPOINT,
	ESE_NAME_TEMPORARY_LOG, /* being prepared; may hold an old, valid header */
	ESE_NAME_RESERVE_LOG,   /* space put aside */
};

struct ese_name {
	enum ese_name_kind kind;
	char base[ESE_BASE_LENGTH + 1]; /* as written; "" where there is none */
	uint32_t generation;            /* ESE_NAME_LOG; else 0 */
	unsigned digits;                /* ESE_NAME_LOG: 5 or 8 */
};

/* NAME is a file's name, without directories. */
struct ese_name ese_name_parse(const char *name);

/* Has it this base name? Always, for the reserve logs that have none. */
bool ese_name_has_base(const struct ese_name *name, const char *base);

/* The name of a full log of GENERATION, of as many digits as Windows would write, with
 * EXTENSION (".log"). A new string; NULL where memory is short. */
char *ese_log_name(const char *base, uint32_t generation, const char *extension);

#endif
