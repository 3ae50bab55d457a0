/*
 * show.h - what was found in a file, for people or as JSON
 */
#ifndef ESECHECK_SHOW_H
#define ESECHECK_SHOW_H

#include <backupapi/ese.h>

void show_text(const char *path, const struct backupapi_ese_info *info);

/* One object a file: its path and a list of problems, which are printed as they come; then
 * what is known of it. INFO is NULL where the call failed with RC. */
void show_begin_json(const char *path);
void show_problem_json(const struct backupapi_ese_event *event);
void show_end_json(int32_t rc, const struct backupapi_ese_info *info);

/* ---- for both ---- */

/* "dirty shutdown"; never NULL. */
const char *show_state(uint32_t state);
const char *show_kind(uint32_t kind);

#endif
