/*
 * status_table.h - the one table behind status_name and status_text
 */
#ifndef BASE_STATUS_TABLE_H
#define BASE_STATUS_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct status_entry {
	uint32_t code; /* a plain Win32 code, or an hr... one */
	const char *name;
	const char *text;
};

/* In the order of the codes. */
extern const struct status_entry status_table[];
extern const size_t status_table_size;

#endif
