/*
 * probe_formats.h - what probe.c asks of formats that a magic number does not settle
 *
 * Each answer is in a file of its engine.
 */
#ifndef ENGINE_PROBE_FORMATS_H
#define ENGINE_PROBE_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of its beginning a file shows at the most. */
#define PROBE_HEAD_SIZE ((size_t)65536)

/* Is it a database of ESE, by either copy of its header? */
bool probe_ese_database(const uint8_t *head, size_t size);

/* Is a file called NAME, without directories, a log or a checkpoint of ESE? By its name, which
 * other programs use, too, and then by its content. */
bool probe_ese_log_name(const char *name);
bool probe_ese_log(const uint8_t *head, size_t size);

#endif
