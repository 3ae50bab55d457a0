/*
 * Capacities double, and there is always room for the NUL behind the content, so that it
 * can be used as a string.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for SIZE more bytes and the NUL behind them. */
static bool reserve(struct buffer *b, size_t size)
{
	size_t needed, capacity = b->capacity ? b->capacity : 64;
	char *data;

	if (b->short_of_memory || size > SIZE_MAX / 2 - b->size - 1)
		goto fail;
	needed = b->size + size + 1;
	if (needed <= b->capacity)
		return true;
	while (capacity < needed)
		capacity *= 2;
	data = realloc(b->data, capacity);
	if (!data)
		goto fail;
	b->data = data;
	b->capacity = capacity;
	return true;
fail:
	b->short_of_memory = true;
	return false;
}

void buffer_add(struct buffer *b, const void *data, size_t size)
{
	if (!reserve(b, size))
		return;
	if (size)
		memcpy(b->data + b->size, data, size);
	b->size += size;
	b->data[b->size] = '\0';
}

void buffer_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length < 0) {
		b->short_of_memory = true;
	} else if (reserve(b, (size_t)length)) {
		(void)vsnprintf(b->data + b->size, (size_t)length + 1, format, again);
		b->size += (size_t)length;
	}
	va_end(again);
	va_end(args);
}

static void add_little_endian(struct buffer *b, uint64_t value, size_t size)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	buffer_add(b, bytes, size);
}

void buffer_u32(struct buffer *b, uint32_t value)
{
	add_little_endian(b, value, 4);
}

void buffer_u64(struct buffer *b, uint64_t value)
{
	add_little_endian(b, value, 8);
}

bool buffer_failed(const struct buffer *b)
{
	return b->short_of_memory;
}

/* What failed is forgotten with the content. */
void buffer_clear(struct buffer *b)
{
	b->size = 0;
	b->short_of_memory = false;
	if (b->data)
		b->data[0] = '\0';
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}
