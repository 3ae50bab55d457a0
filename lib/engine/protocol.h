/*
 * protocol.h - what the library and backupapi-worker say to each other
 *
 * A message is a u32 length of its body, a u32 type and the body; all numbers are
 * little-endian. Text is a u32 length and that many bytes without a NUL; the length
 * 0xffffffff stands for a missing one. The caller says hello and is welcomed; then it
 * asks and the worker answers each request with a result, ahead of which what was asked
 * for comes in as many messages as it needs: the index of the spool, lists of files, an
 * open file's size and descriptor, a probe's answer. The end of the stream ends the
 * session.
 *
 * An open file of an engine that streams (hosted.h) comes as a descriptor: of the file
 * itself, or of a pipe that the worker fills once it has sent the result of OPEN. It reads
 * no request until the pipe is full of all that there is, or closed; CLOSE tells how that
 * went.
 *
 * Neither side trusts the other: the worker may run as another user than the caller.
 * Whatever does not fit is hrCommunicationError. The heads of hello and welcome (magic,
 * protocol, version) never change, so that different versions can tell.
 */
#ifndef ENGINE_PROTOCOL_H
#define ENGINE_PROTOCOL_H

#include "base/buffer.h"
#include "engine/engine.h"
#include "engine/spool.h"

#define PROTOCOL_MAGIC         0x57504142u /* "BAPW" */
#define PROTOCOL_VERSION       3u
#define PROTOCOL_SOCKET        3 /* the worker's end */
#define PROTOCOL_MESSAGE_LIMIT (16u << 20)
#define PROTOCOL_TEXT_LIMIT    (1u << 20)
#define PROTOCOL_PATH_LIMIT    4096u
#define PROTOCOL_DETAIL_LIMIT  8192u
#define PROTOCOL_ENGINE_LIMIT  32u
#define PROTOCOL_PROBE_CHUNK   (1u << 20) /* of paths, in one request */
#define PROTOCOL_INDEX_CHUNK                                                             \
	(256u << 10)                  /* an index message is sent once it is this long */
#define PROTOCOL_INDEX_LIMIT 1000000u /* entries, in all messages together */
#ifndef PROTOCOL_STALL_SECONDS
#define PROTOCOL_STALL_SECONDS 30 /* the longest silence within a message or a greeting */
#endif

enum message_type {
	MESSAGE_HELLO =
		1, /* struct hello, with the spool's descriptor where copies are wanted */
	MESSAGE_WELCOME,   /* struct welcome */
	MESSAGE_BEGIN,     /* struct engine_begin */
	MESSAGE_DATABASES, /* nothing; answered by INDEX, or FILES by engines that stream */
	MESSAGE_LOGS,      /* nothing; answered by FILES */
	MESSAGE_OPEN,      /* struct engine_file's path and kind; answered by OPENED */
	MESSAGE_CLOSE,     /* nothing: how did the streaming of the open file go? */
	MESSAGE_TRUNCATE,  /* u32: keep from this generation on */
	MESSAGE_RECOVER,   /* struct recover_request */
	MESSAGE_VERIFY,    /* a path */
	MESSAGE_PROBE,     /* paths: of what formats are they? */
	MESSAGE_INDEX,     /* entries of the spool, in the order of their offsets */
	MESSAGE_FILES,     /* entries of engine_files, sorted by path */
	MESSAGE_OPENED,    /* struct opened, with the descriptor */
	MESSAGE_ENGINES,   /* engines' names, one for each path of a probe */
	MESSAGE_RESULT,    /* struct result: the request is done */
};

struct message {
	uint32_t type;
	unsigned char *data;
	size_t size;
	int fd; /* that came with it, or -1 */
};

struct hello {
	uint32_t protocol;
	char *version; /* the build's; from here on only read if the protocol is ours */
	char *engine;  /* "auto": none yet, for probing alone */
	uint32_t uid, gid; /* to become, for a worker that was started as root */
	struct store_config store;
};

struct result {
	status code;
	char *detail; /* "" with success */
};

struct welcome {
	uint32_t protocol;
	char *version;
	struct result result;
};

struct recover_request {
	struct names databases;
	char *home; /* NULL: none */
	char *log_dir;
	char *system_dir;
	uint32_t low, high;
};

/* The descriptor comes with the message. */
struct opened {
	uint64_t size; /* how many bytes are to be read from it */
	bool pipe;     /* else a regular file, to be read from offset 0 */
};

/* Sends a whole message, with descriptor FD unless -1. */
status protocol_send(
	int socket, enum message_type type, const struct buffer *body, int fd);

/* Waits TIMEOUT_MS (-1: for ever) for a message to begin. The end of the stream ahead of
 * a message sets *ENDED. Free with message_free, also after a failure. */
status protocol_receive(int socket, int timeout_ms, struct message *message, bool *ended);
void message_free(struct message *message);

/* Has the other side closed its end? */
bool protocol_peer_gone(int socket);

/* Absolute, short enough, without "", "." and ".." between its slashes. */
bool protocol_path_is_sound(const char *path);

void protocol_put_text(struct buffer *body, const char *text); /* NULL is fine */
void protocol_put_names(struct buffer *body, const struct names *names);
void protocol_put_hello(struct buffer *body, const struct hello *hello);
void protocol_put_welcome(struct buffer *body, const struct welcome *welcome);
void protocol_put_begin(struct buffer *body, const struct engine_begin *how);
void protocol_put_recover(struct buffer *body, const struct engine_recovery *recovery);
void protocol_put_open(struct buffer *body, const struct engine_file *file);
void protocol_put_opened(struct buffer *body, const struct opened *opened);
void protocol_put_file(struct buffer *body, const struct engine_file *file);
void protocol_put_result(struct buffer *body, status code, const char *detail);
void protocol_put_entry(struct buffer *body, const struct spool_entry *entry);

/* Each checks the whole body. What they fill is released by the functions below, also
 * after a failure. */
status protocol_get_hello(const struct message *message, struct hello *hello);
status protocol_get_welcome(const struct message *message, struct welcome *welcome);
status protocol_get_begin(const struct message *message, struct engine_begin *how);
status protocol_get_recover(
	const struct message *message, struct recover_request *request);
status protocol_get_path(const struct message *message, char **path);
status protocol_get_open(const struct message *message, struct engine_file *file);
status protocol_get_opened(const struct message *message, struct opened *opened);
status protocol_get_generation(const struct message *message, uint32_t *generation);
status protocol_get_result(const struct message *message, struct result *result);
status protocol_get_probe(const struct message *message, struct names *paths);
status protocol_get_engines(const struct message *message, struct names *engines);

/* The failure for a message that was none to come now. */
status protocol_unexpected(void);

/* Hands every entry of an index message to ACCEPT, which returns STATUS_OK to go on. */
status protocol_get_index(const struct message *message,
	status (*accept)(void *context, const struct spool_entry *entry), void *context);

/* The same for a message of files. */
status protocol_get_files(const struct message *message,
	status (*accept)(void *context, const struct engine_file *file), void *context);

void hello_free(struct hello *hello);
void welcome_free(struct welcome *welcome);
void recover_request_free(struct recover_request *request);

#endif
