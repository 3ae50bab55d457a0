/*
 * stream_session.h - a session of a stream_store.h, and what is expected of it
 */
#ifndef TESTS_STREAM_SESSION_H
#define TESTS_STREAM_SESSION_H

#include "engine/worker.h"
#include "stream_store.h"

enum { LARGE = 5 << 20, ODD = 70001 }; /* sizes of files: beyond a pipe's, and within */

extern const struct engine streamer; /* the caller's side of the engine of these tests */

/* A fixture: the store, and LARGE bytes to read to. */
extern struct stream_store session_store;
extern char *session_buffer;
void session_setup(void);
void session_teardown(void);

struct engine_session *session_begin(void);
status session_try_open(struct engine_session *session, const char *path,
	enum engine_file_kind kind, uint64_t *size);

/* Opens the database PATH; its size. */
uint64_t session_open(struct engine_session *session, const char *path);

/* RC is CODE, and the explanation mentions TEXT. */
void session_assert_fails(status rc, status code, const char *text);

/* One read delivers SIZE bytes of the open file, which are at OFFSET there; or fails. */
void session_assert_read(struct engine_session *session, uint64_t offset, size_t size);
void session_assert_read_fails(
	struct engine_session *session, size_t size, status code, const char *text);
void session_assert_at_end(struct engine_session *session);

#endif
