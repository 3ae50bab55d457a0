/*
 * ca_index.h - the index of `openssl ca`, record by record
 *
 * A line a certificate, six fields with tabs between: status (V, R, E, S), expiry,
 * revocation (only with R: a time, then perhaps a comma and the reason), serial number,
 * file, subject. A backslash makes the tab after it part of the field; lines that begin
 * with # are comments. What is wrong here is what makes openssl refuse the index or, as
 * with a last line that has no newline, lose a record without a word.
 */
#ifndef ENGINE_CA_INDEX_H
#define ENGINE_CA_INDEX_H

#include "base/status.h"

/* Up to SIZE bytes at OFFSET, short only at the end. */
typedef status (*ca_index_reader)(
	void *context, uint64_t offset, void *buffer, size_t size, size_t *got);

/* Which serial numbers there are, at eight bytes each: the number itself where it is
 * short, else a hash of its digits. */
struct ca_index {
	uint64_t *keys; /* sorted */
	size_t count, capacity;
};

/* Reads all of the index PATH. hrDatabaseCorrupted, naming the line, for a record that is
 * not well-formed and for two of the same serial number. */
status ca_index_load(
	const char *path, ca_index_reader read, void *context, struct ca_index *index);

/* SERIAL: hexadecimal digits; leading zeros and case do not count. */
bool ca_index_contains(const struct ca_index *index, const char *serial);

void ca_index_free(struct ca_index *index);

/* Do these first bytes of a file, whatever its name, begin a record? */
bool ca_index_begins(const char *head, size_t size);

#endif
