/*
 * ds_form.h - the A and the W forms of the Ds functions behind one interface of UTF-8
 *
 * What a test promises it promises of both: it loops over ds_forms.
 */
#ifndef TESTS_DS_FORM_H
#define TESTS_DS_FORM_H

#include <ntdsbcli.h>

#include "certbcli_calls.h"

typedef HRESULT ds_prepare(const char *server, ULONG grbit, ULONG type, PVOID *token,
	LPDWORD token_size, HBC *hbc);
typedef HRESULT ds_restore_prepare(
	const char *server, ULONG flag, PVOID token, DWORD token_size, HBC *hbc);
typedef HRESULT ds_list(HBC hbc, void **list, LPDWORD size);
typedef HRESULT ds_register(HBC hbc, const char *checkpoint_path, const char *log_path,
	const EDB_RSTMAPA *map, LONG count, const char *backup_log_path, ULONG low,
	ULONG high);
typedef HRESULT ds_identity(const char *user, const char *domain, const char *password);

struct ds_form {
	const char *name;
	size_t character; /* its size */
	HRESULT (*online)(const char *server, BOOL *online);
	ds_prepare *prepare;
	ds_list *names, *logs;
	HRESULT (*open)(HBC hbc, const char *name, DWORD hint, LARGE_INTEGER *size);
	ds_restore_prepare *restore_prepare;
	ds_list *locations;
	ds_register *reg;
	HRESULT (*set_current_log)(const char *server, DWORD generation);
	ds_identity *set_identity;
};

#define DS_FORMS 2
extern const struct ds_form ds_forms[DS_FORMS]; /* A, then W */

/* What a list holds, taken apart. */
struct ds_name {
	unsigned tag;
	char *name; /* UTF-8, as the form's own characters say */
};

struct ds_names {
	struct ds_name *items;
	size_t count;
};

/* Takes LIST of SIZE bytes apart, checks its shape, and releases it. Names have a tag. */
struct ds_names ds_take(const struct ds_form *form, void *list, DWORD size);
void ds_names_free(struct ds_names *names);

bool ds_has(const struct ds_names *names, unsigned tag, const char *name);

/* What the three functions with a list give. */
struct ds_names ds_databases(const struct ds_form *form, HBC hbc);
struct ds_names ds_logs(const struct ds_form *form, HBC hbc);
struct ds_names ds_locations(const struct ds_form *form, HBC hbc);

#define DS_READ_SIZE 24576u

/* A full backup of the only server; its token is released. */
HBC ds_begin(const struct ds_form *form);

/* The same, the token for the caller. */
HBC ds_begin_token(const struct ds_form *form, void **token, DWORD *size);

/* A token of the only server that is good now, its backup not even read. */
void *ds_token(DWORD *size);

/* A restore of the only server, which is stopped for it, with a good token. */
HBC ds_begin_restore(const struct ds_form *form);

/* Reads NAME to its end; the content with a NUL (free()). */
char *ds_stream(const struct ds_form *form, HBC hbc, const char *name, size_t *size);

/* Lists and reads everything, each file checked against the store's own. */
void ds_deliver(const struct ds_form *form, HBC hbc);

#endif
