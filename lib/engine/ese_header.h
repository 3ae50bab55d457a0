/*
 * ese_header.h - the header of a database, in either of its two copies
 */
#ifndef ENGINE_ESE_HEADER_H
#define ENGINE_ESE_HEADER_H

#include "engine/ese_format.h"

enum ese_state {
	ESE_STATE_CREATED = 1, /* never finished; also temporary databases */
	ESE_STATE_DIRTY = 2,
	ESE_STATE_CLEAN = 3,
	ESE_STATE_CONVERTING = 4,
	ESE_STATE_FORCE_DETACHED = 5,
	ESE_STATE_RESEEDED = 6,
	ESE_STATE_DIRTY_PATCHED = 7,
	ESE_STATE_REVERTING = 8,
};

/* Which copies are as they were written. */
enum ese_copies {
	ESE_FIRST_COPY = 1,
	ESE_SECOND_COPY = 2,
	ESE_COPIES_DIFFER = 4, /* both are, but not the same: the first one counts */
};

struct ese_header {
	unsigned copies; /* of enum ese_copies */
	uint32_t page_size;
	uint32_t version, revision;
	uint32_t file_type; /* of enum ese_file_type */
	uint32_t state;     /* of enum ese_state */
	uint64_t dbtime;
	struct ese_signature signature;     /* the database's own */
	struct ese_signature log_signature; /* of its logs; unset: never logged */
	struct ese_position consistent, attached, detached;
	struct ese_time consistent_time, attach_time, detach_time;
	struct ese_backup_mark full_previous, incremental_previous, full_current;
	struct ese_backup_mark snapshot_current, copy_previous, differential_previous;
	uint32_t os[4]; /* major, minor, build, service pack */
	uint32_t min_required, max_required, committed; /* generations; 0: none */
	struct ese_time committed_created; /* the creation time of the committed log */
	bool streaming_file; /* the obsolete kind without pages of its own */
};

/* The beginning of a file that has both copies, whatever the page size. */
enum { ESE_HEADERS_SIZE = 2 * ESE_PAGE_MAX };

/* Is either copy good? DATA is the beginning of a file, up to ESE_HEADERS_SIZE bytes of
 * it. */
bool ese_header_present(const uint8_t *data, size_t size);

/* Reads whichever copy is good; DATA is the beginning of the file PATH, up to
 * ESE_HEADERS_SIZE bytes of it.
 *	hrDatabaseCorrupted	neither is
 *	ESE_WRONG_PAGE_SIZE	a good one has another page size than its place tells
 *	ESE_BAD_VERSION		of a version that nobody made yet */
status ese_header_parse(
	const uint8_t *data, size_t size, const char *path, struct ese_header *header);
status ese_header_read(int fd, const char *path, struct ese_header *header);

/* Whole pages after the two headers, in a file of SIZE bytes; *COUNT is set also with
 * hrDatabaseInvalidPages, where there is none, or the file ends within one. */
status ese_header_page_count(const struct ese_header *header, uint64_t size,
	const char *path, uint64_t *count);

/* Databases that were never finished, and temporary ones, have pages without checksums. */
bool ese_header_pages_checked(const struct ese_header *header);

/* A copy that the engine's own backup streamed: its last page is ese_page's trailer. */
bool ese_header_has_trailer(const struct ese_header *header);

#endif
