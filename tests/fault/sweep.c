#include "sweep.h"

#include <dirent.h>
#include <stdio.h>

#include "../support.h"
#include "memory.h"

/* Descriptors leak as memory does. */
static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	ck_assert_int_eq(closedir(dir), 0);
	return count;
}

/* Memory that is kept for good, such as an entry in the allocator's table for a new range
 * of addresses, is not allocated again and again. */
#define TRIES 20

static status checked(status (*flow)(void), void (*settle)(void), long n)
{
	const int descriptors = open_descriptors();
	long leaked = 1;
	status rc = STATUS_OK;

	for (int i = 0; i < TRIES && leaked != 0; i++) {
		long live;

		if (i > 0)
			settle();
		live = memory_live();
		memory_fail_at(n);
		rc = flow();
		memory_fail_no_more(); /* Check allocates, too */
		leaked = memory_live() - live;
		ck_assert_msg(open_descriptors() == descriptors,
			"allocation %ld: a descriptor leaked", n);
	}
	ck_assert_msg(leaked == 0, "allocation %ld: %ld blocks leaked", n, leaked);
	return rc;
}

void sweep(status (*flow)(void), void (*settle)(void))
{
	long n = 0;
	bool hit = true;
	status rc = flow(); /* what happens once */

	ck_assert_msg(rc == STATUS_OK, "%s (%s)", status_name(rc), status_pending());
	while (hit) {
		rc = checked(flow, settle, ++n);
		hit = memory_has_failed();
		ck_assert_msg(
			rc == STATUS_OK || rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY),
			"allocation %ld: %s (%s)", n, status_name(rc), status_pending());
		settle();
		rc = checked(flow, settle, 0);
		ck_assert_msg(rc == STATUS_OK, "after allocation %ld: %s (%s)", n,
			status_name(rc), status_pending());
	}
	printf("%ld allocations\n", n - 1);
	ck_assert_int_gt(n, 50);
}
