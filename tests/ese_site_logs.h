/*
 * ese_site_logs.h - a store with the dirty database a.edb, which needs the logs 5 and 6, and
 * what a backup lists of its logs
 */
#ifndef TESTS_ESE_SITE_LOGS_H
#define TESTS_ESE_SITE_LOGS_H

#include <unistd.h>

#include "base/names.h"
#include "ese_site.h"

static struct ese_site *site;

static inline void set_up(void)
{
	site = ese_site_make();
	ese_site_database(site, "a.edb", 5, 6);
}

static inline void tear_down(void)
{
	ese_site_free(site);
}

static inline void refused(enum ese_type type, HRESULT code, const char *part)
{
	struct ese_session session;

	FAILS(ese_begin(false, type, &session), code);
	ese_detail_has(part);
}

static inline void remove_file(const char *name)
{
	ck_assert_int_eq(unlink(ese_site_path(site, name)), 0);
}

static inline void rename_file(const char *from, const char *to)
{
	ck_assert_int_eq(rename(ese_site_path(site, from), ese_site_path(site, to)), 0);
}

static inline bool there(const char *name)
{
	return support_exists(ese_site_path(site, name));
}

/* The names of the logs of a session, space-separated, sorted; parts without their length. */
static inline const char *listed(bool ds, enum ese_type type)
{
	static char text[4096];
	struct ese_session session;
	struct names logs;
	HRESULT hr = ese_begin(ds, type, &session);

	ck_assert_msg(hr == S_OK, "%s", backupapi_error_detail());
	logs = ese_logs(&session);
	*text = '\0';
	for (size_t i = 0; i < logs.count; i++) {
		const char *name = strrchr(logs.items[i], '/') + 1;
		const char *part = strstr(name, ".part-");

		(void)strcat(text, i ? " " : "");
		(void)strncat(
			text, name, part ? (size_t)(part + 5 - name) : strlen(name));
	}
	names_free(&logs);
	ese_end(&session);
	return text;
}

#endif
