#include "api/certbcli_list.h"

#include "api/argument.h"

static status fill_list(
	unsigned kinds, HCSBC hbc, certbcli_filler fill, struct list *list)
{
	enum handle_kind kind;
	void *object = handle_acquire(kinds, hbc, &kind);
	status rc;

	if (!object)
		return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
			"handle %p: not a live handle of this process that has such a "
			"list",
			hbc);
	rc = fill(object, kind, list);
	handle_release(hbc);
	return rc;
}

HRESULT certbcli_list(const char *function, unsigned kinds, HCSBC hbc,
	certbcli_filler fill, WCHAR **block, DWORD *size)
{
	struct list list = {0};
	status rc;

	status_begin();
	if (block)
		*block = NULL;
	if (size)
		*size = 0;
	if (!block || !size)
		return status_publish(argument_invalid(
			function, block ? "the pointer for the size is NULL"
					: "the pointer for the list is NULL"));
	rc = fill_list(kinds, hbc, fill, &list);
	if (!failed(rc))
		rc = list_pack_wide(&list, ALLOC_CERTSRV, block, size);
	list_free(&list);
	return status_publish(rc);
}
