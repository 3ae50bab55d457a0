/*
 * record.h - the durable records of the state directory
 *
 * Text, one `key = value` a line in a fixed order, values escaped by text_escape: first
 * `format = WHAT VERSION`, last `checksum = ` of all bytes before. Reading is strict:
 * each key where it is expected and nothing else, or the file is damaged
 * (ERROR_INVALID_DATA, naming it). Both directions keep the first failure, so that
 * callers check once.
 */
#ifndef SERVER_RECORD_H
#define SERVER_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/status.h"

/* ---- writing ---- */

void record_begin(struct buffer *b, const char *format);
void record_add_text(struct buffer *b, const char *key, const char *text);
void record_add_number(struct buffer *b, const char *key, int64_t number);

/* Adds the checksum and replaces NAME (mode 0600) durably. B stays the caller's. */
status record_save(struct buffer *b, int dirfd, const char *name);

/* ---- reading ---- */

struct record {
	char *file; /* for messages */
	char *data;
	char *next; /* the line to be read */
	char *end;  /* where the checksum line begins */
	status rc;
};

/* Reads and checks the whole of NAME in DIRFD (DIR for messages), at most LIMIT bytes. ST
 * may be NULL; with FORMAT NULL the caller reads the line "format" himself. When it fails there is nothing to close. A missing file:
 * ERROR_FILE_NOT_FOUND. */
status record_load(struct record *r, int dirfd, const char *dir, const char *name,
	size_t limit, const char *format, struct stat *st);

/* Is there a next line, and has it this key? */
bool record_next_is(const struct record *r, const char *key);

/* The value of the next line, which must have this KEY. After a failure "", 0 and false.
 * The text lives as long as R. */
const char *record_text(struct record *r, const char *key);
int64_t record_number(struct record *r, const char *key, int64_t lowest, int64_t highest);
bool record_flag(struct record *r, const char *key);

/* The reader found it wrong for a reason of its own. */
void record_refuse(struct record *r, const char *reason);

/* Fails where lines are left over or anything went wrong before. */
status record_close(struct record *r);

#endif
