#include "sis/extents.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "sis_fixture.h"
#include "support.h"

#define SIZE ((size_t)1 << 20)

static int make(const char *root, const char *name, size_t size, unsigned seed)
{
	char *path = sis_path(root, name), *data = sis_content(size, seed);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(file_write_all(fd, data, size, path), STATUS_OK);
	return fd;
}

static bool same(int a, int b)
{
	bool result;

	ck_assert_int_eq(extents_same(a, b, "file", &result), STATUS_OK);
	return result;
}

static void write_at(int fd, off_t offset)
{
	ck_assert_int_eq(pwrite(fd, "changed", 7, offset), 7);
}

START_TEST(data_ranges_leave_holes_out)
{
	char *root = sis_volume((enum volume_type)_i);
	struct extents_list list = {0};
	bool none;
	int fd;

	if (!root)
		return;
	fd = make(root, "sparse", 0, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)SIZE), 0);
	ck_assert_int_eq(extents_data(fd, "sparse", &list), STATUS_OK);
	ck_assert_uint_eq(list.count, 0);
	ck_assert_int_eq(extents_none(fd, "sparse", &none), STATUS_OK);
	ck_assert(none);
	write_at(fd, 131072);
	ck_assert_int_eq(ftruncate(fd, (off_t)SIZE + 7), 0);
	write_at(fd, (off_t)SIZE);
	ck_assert_int_eq(extents_data(fd, "sparse", &list), STATUS_OK);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_le(list.items[0].offset, 131072);
	ck_assert_uint_ge(list.items[0].offset + list.items[0].length, 131079);
	ck_assert_uint_lt(list.items[0].length, SIZE / 2);
	ck_assert_uint_eq(list.items[1].offset + list.items[1].length, SIZE + 7);
	ck_assert_int_eq(extents_none(fd, "sparse", &none), STATUS_OK);
	ck_assert(!none);
	extents_free(&list);
	(void)close(fd);
}
END_TEST

START_TEST(sharing_works_where_the_file_system_can)
{
	char *root = sis_volume((enum volume_type)_i);
	bool can;
	int a, b, dir;

	if (!root)
		return;
	a = make(root, "a", SIZE, 1);
	b = make(root, "b", 0, 0);
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(extents_can_share(dir, root, &can), STATUS_OK);
	ck_assert_int_eq(can, sis_shares_extents((enum volume_type)_i));
	ck_assert_int_eq(extents_share(b, a, "b"),
		can ? STATUS_OK : STATUS_WIN32(ERROR_NOT_SUPPORTED));
	ck_assert_int_eq(same(a, b), can);
	(void)close(a);
	(void)close(b);
	(void)close(dir);
}
END_TEST

/* Equal content is not enough, and whatever is written makes a difference, at once. */
START_TEST(only_shared_extents_are_the_same)
{
	const off_t places[] = {0, 5000, (off_t)SIZE - 7};
	char *root = sis_volume((enum volume_type)_i);
	int a, b;

	if (!root)
		return;
	a = make(root, "a", SIZE, 1);
	b = make(root, "b", SIZE, 1);
	ck_assert(!same(a, b));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		ck_assert_int_eq(extents_share(b, a, "b"), STATUS_OK);
		ck_assert(same(a, b));
		write_at(b, places[i]);
		ck_assert(!same(a, b));
		ck_assert(!same(b, a));
	}
	ck_assert_int_eq(extents_share(b, a, "b"), STATUS_OK);
	ck_assert_int_eq(ftruncate(b, (off_t)SIZE - 1), 0);
	ck_assert(!same(a, b));
	ck_assert_int_eq(extents_share(b, a, "b"), STATUS_OK);
	ck_assert_int_eq(ftruncate(b, (off_t)SIZE), 0);
	ck_assert_int_eq(
		fallocate(b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 65536),
		0);
	ck_assert(!same(a, b));
	(void)close(a);
	(void)close(b);
}
END_TEST

START_TEST(many_extents_are_compared_to_the_last)
{
	char *root = sis_volume((enum volume_type)_i);
	const unsigned count = 1000;
	int a, b;

	if (!root)
		return;
	a = make(root, "a", 0, 0);
	b = make(root, "b", 0, 0);
	for (unsigned i = 0; i < count; i++)
		write_at(a, (off_t)i * 32768);
	ck_assert_int_eq(extents_share(b, a, "b"), STATUS_OK);
	ck_assert(same(a, b));
	write_at(b, (off_t)(count - 1) * 32768);
	ck_assert(!same(a, b));
	(void)close(a);
	(void)close(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("extents");
	TCase *tcase = tcase_create("extents");

	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, data_ranges_leave_holes_out, ON_TMP, ON_NTFS);
	tcase_add_loop_test(
		tcase, sharing_works_where_the_file_system_can, ON_TMPFS, VOLUME_TYPES);
	tcase_add_loop_test(tcase, only_shared_extents_are_the_same, ON_XFS, ON_NTFS);
	tcase_add_loop_test(
		tcase, many_extents_are_compared_to_the_last, ON_XFS, ON_NTFS);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
