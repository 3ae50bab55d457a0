/* The shape that all calls with a list have. */
#include "api/bcli.h"
#include "api/listing.h"

/* ---- what is listed ---- */

status bcli_databases(void *object, enum handle_kind kind, struct list *list)
{
	const struct bcli_backup *backup = object;

	(void)kind;
	return listing_databases(backup->session, list);
}

status bcli_logs(void *object, enum handle_kind kind, struct list *list)
{
	const struct bcli_backup *backup = object;

	(void)kind;
	return listing_logs(backup->session, list);
}

status bcli_dynamic(void *object, enum handle_kind kind, struct list *list)
{
	const struct bcli_backup *backup = object;

	(void)kind;
	return listing_dynamic(backup->session, list);
}

status bcli_locations(void *object, enum handle_kind kind, struct list *list)
{
	const bool of_restore =
		kind == HANDLE_CERTSRV_RESTORE || kind == HANDLE_DS_RESTORE;
	const struct bcli_backup *backup = object;

	return listing_locations(
		of_restore ? restore_server(object) : backup_server(backup->session),
		list);
}

/* ---- how ---- */

static status check_pointers(
	const struct bcli_list *call, const void *block, const DWORD *size)
{
	if (!block)
		return argument_invalid(
			call->function, "the pointer for the list is NULL");
	if (!size)
		return argument_invalid(
			call->function, "the pointer for the size is NULL");
	return STATUS_OK;
}

static status fill_list(const struct bcli_list *call, void *handle, struct list *list)
{
	enum handle_kind kind;
	void *object;
	status rc = bcli_acquire(call->family, call->kinds, handle, &object, &kind);

	if (failed(rc))
		return rc;
	rc = call->fill(object, kind, list);
	handle_release(handle);
	return rc;
}

HRESULT bcli_list(const struct bcli_list *call, void *handle, enum text_form form,
	void *block, DWORD *size)
{
	struct list list = {0};
	void *packed = NULL;
	status rc;

	status_begin();
	if (block)
		argument_give(block, NULL);
	if (size)
		*size = 0;
	rc = check_pointers(call, block, size);
	if (!failed(rc))
		rc = fill_list(call, handle, &list);
	if (!failed(rc))
		rc = list_pack(&list, call->family->blocks, form, &packed, size);
	if (!failed(rc))
		argument_give(block, packed);
	list_free(&list);
	return status_publish(rc);
}
