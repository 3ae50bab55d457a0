/*
 * json.h - JSON on stdout, for --json
 *
 * Written as it comes; commas and indentation follow from the calls. Bytes that are not
 * UTF-8 become \udc80..\udcff, which Python, among others, turns back into the bytes
 * (os.fsencode): so no path is lost.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* KEY is NULL inside arrays and at the top. */
void json_object(const char *key);
void json_array(const char *key);
void json_end(void); /* closes the innermost; the outermost ends the line */

void json_text(const char *key, const char *value); /* NULL: null */
void json_number(const char *key, int64_t value);
void json_bool(const char *key, bool value);
void json_time(const char *key, int64_t seconds); /* 0: null */

#endif
