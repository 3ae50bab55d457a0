/* Restores of both families. */
#include <stdlib.h>

#include "api/bcli.h"

/* ---- begin and end ---- */

status bcli_restore_begin(
	const struct bcli *f, struct server *server, bool full_handle, void **handle)
{
	struct restore *restore;
	status rc = restore_prepare(server, f->family, full_handle, &restore);

	if (failed(rc))
		return rc;
	rc = handle_create(f->restore, restore, handle);
	if (failed(rc))
		restore_end(restore);
	return rc;
}

HRESULT bcli_restore_end(const struct bcli *f, void *handle)
{
	const unsigned kind = HANDLE_MASK(f->restore);
	struct restore *restore;

	status_begin();
	restore = handle_retire(kind, handle, NULL);
	if (!restore)
		return status_publish(bcli_bad_handle(f, kind, handle));
	restore_end(restore);
	return S_OK;
}

/* A restore that can be registered: only Ds has others. */
static status acquire(const struct bcli *f, void *handle, struct restore **restore)
{
	void *object;
	status rc = bcli_acquire(f, HANDLE_MASK(f->restore), handle, &object, NULL);

	*restore = object;
	if (failed(rc) || restore_is_full_handle(object))
		return rc;
	rc = status_fail(hrMissingExpiryToken,
		"%s: this handle was prepared without an expiry token",
		restore_server(object)->name);
	handle_release(handle);
	return rc;
}

HRESULT bcli_restore_complete(const struct bcli *f, void *handle, HRESULT result)
{
	struct restore *restore;
	status rc;

	status_begin();
	rc = acquire(f, handle, &restore);
	if (failed(rc))
		return status_publish(rc);
	rc = restore_complete(restore, result);
	handle_release(handle);
	return status_publish(rc);
}

/* ---- register ---- */

/* What the caller gave, as UTF-8. */
struct texts {
	char *checkpoint_path, *log_path, *backup_log_path;
	struct names old_names, new_names;
};

static status check_map(const struct bcli_registration *r)
{
	if (r->map_count < 0)
		return argument_invalid(r->function, "crstmap is negative");
	if (!r->map && r->map_count > 0)
		return argument_invalid(
			r->function, "crstmap is not 0, but rgrstmap is NULL");
	for (LONG i = 0; i < r->map_count; i++) {
		struct given old_name, new_name;

		r->entry(r->map, (size_t)i, &old_name, &new_name);
		if (!old_name.text || !new_name.text)
			return argument_invalid(
				r->function, "a name in rgrstmap is NULL");
	}
	return STATUS_OK;
}

static status check_arguments(const struct bcli *f, const struct bcli_registration *r)
{
	if (f->needs_paths && !r->checkpoint_path.text)
		return argument_invalid(r->function, "the checkpoint path is NULL");
	if (f->needs_paths && !r->log_path.text)
		return argument_invalid(r->function, "the log path is NULL");
	if (f->needs_paths && !r->backup_log_path.text)
		return argument_invalid(r->function, "the backup log path is NULL");
	if (r->low > r->high)
		return argument_invalid(r->function, "genLow is above genHigh");
	return check_map(r);
}

static status add_text(struct names *list, struct given given)
{
	char *text;
	status rc = argument_copy(given, &text);

	return failed(rc) ? rc : names_take(list, text);
}

static status convert(const struct bcli_registration *r, struct texts *t)
{
	status rc = argument_copy(r->checkpoint_path, &t->checkpoint_path);

	if (!failed(rc))
		rc = argument_copy(r->log_path, &t->log_path);
	if (!failed(rc))
		rc = argument_copy(r->backup_log_path, &t->backup_log_path);
	for (LONG i = 0; i < r->map_count && !failed(rc); i++) {
		struct given old_name, new_name;

		r->entry(r->map, (size_t)i, &old_name, &new_name);
		rc = add_text(&t->old_names, old_name);
		if (!failed(rc))
			rc = add_text(&t->new_names, new_name);
	}
	return rc;
}

static void texts_free(struct texts *t)
{
	free(t->checkpoint_path);
	free(t->log_path);
	free(t->backup_log_path);
	names_free(&t->old_names);
	names_free(&t->new_names);
}

static status register_texts(const struct bcli *f, void *handle,
	const struct bcli_registration *r, const struct texts *t)
{
	const struct restore_request request = {
		.checkpoint_path = t->checkpoint_path,
		.log_path = t->log_path,
		.backup_log_path = t->backup_log_path,
		.old_names = (const char *const *)t->old_names.items,
		.new_names = (const char *const *)t->new_names.items,
		.map_count = t->new_names.count,
		.map_given = r->map != NULL,
		.low = r->low,
		.high = r->high,
		.through_file = r->through_file,
	};
	struct restore *restore;
	status rc = acquire(f, handle, &restore);

	if (failed(rc))
		return rc;
	rc = restore_register(restore, &request);
	handle_release(handle);
	return rc;
}

HRESULT bcli_register(
	const struct bcli *f, void *handle, const struct bcli_registration *r)
{
	struct texts texts = {0};
	status rc;

	status_begin();
	rc = check_arguments(f, r);
	if (!failed(rc))
		rc = convert(r, &texts);
	if (!failed(rc))
		rc = register_texts(f, handle, r, &texts);
	texts_free(&texts);
	return status_publish(rc);
}
