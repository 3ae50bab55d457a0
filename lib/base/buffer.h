/*
 * buffer.h - bytes that grow: records, messages, command output
 *
 * Failure is sticky: after memory ran short the buffer ignores what is added, and
 * buffer_failed() tells at the end.  So a writer checks once.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the empty buffer. data has a NUL behind its size bytes, or is NULL. */
struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	bool short_of_memory;
};

void buffer_add(struct buffer *b, const void *data, size_t size);
void buffer_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Little-endian on every machine. */
void buffer_u32(struct buffer *b, uint32_t value);
void buffer_u64(struct buffer *b, uint64_t value);

bool buffer_failed(const struct buffer *b);
void buffer_clear(struct buffer *b); /* forgets the content, keeps the memory */
void buffer_free(struct buffer *b);

#endif
