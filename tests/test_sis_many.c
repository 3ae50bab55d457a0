/* As many links as a large volume has, in no order: what a pass does must not depend on how
 * many there are. BACKUPAPI_TEST_LINKS sets the number. */
#include <sisbkup.h>

#include <backupapi/sis.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sanitized.h"
#include "sisbkup_pass.h"

#define STORE_FILES   ((size_t)1000)
#define ALL_LINKS     ((size_t)100000)
#define FEWER_LINKS   ((size_t)8000) /* with what looks for errors in memory */
#define CONTENT_SIZE  ((size_t)40)
#define PATH_CAPACITY ((size_t)4400)

/* Link I belongs to store file I % STORE_FILES. */
static size_t links;
static size_t *order;
static bool named[STORE_FILES];

static size_t number_of_links(void)
{
	const char *set = getenv("BACKUPAPI_TEST_LINKS");
	size_t number;

	if (!set)
		return SANITIZED || support_under_valgrind() ? FEWER_LINKS : ALL_LINKS;
	number = strtoul(set, NULL, 10);
	ck_assert_uint_ge(number, FEWER_LINKS);
	return number;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Always the same order. */
static void shuffle(size_t *items, size_t count)
{
	uint64_t state = 20240229;

	for (size_t i = 0; i < count; i++)
		items[i] = i;
	for (size_t i = count - 1; i > 0; i--) {
		const size_t other = next_random(&state) % (i + 1), item = items[i];

		items[i] = items[other];
		items[other] = item;
	}
}

static void guid_of(size_t file, char guid[37])
{
	(void)snprintf(guid, 37, "%08zx-0000-1000-8000-0123456789ab", file);
}

static void content_of(size_t file, char text[CONTENT_SIZE + 1])
{
	(void)snprintf(text, CONTENT_SIZE + 1, "%0*zu", (int)CONTENT_SIZE, file);
}

static void link_path(size_t link, char path[PATH_CAPACITY])
{
	(void)snprintf(path, PATH_CAPACITY, "%s/%zu/link-%zu", root, link % 100, link);
}

static void reparse_of(size_t link, uint8_t reparse[72])
{
	char guid[37], text[CONTENT_SIZE + 1];

	guid_of(link % STORE_FILES, guid);
	content_of(link % STORE_FILES, text);
	sis_reparse(guid, link + 1, text, CONTENT_SIZE, reparse);
}

static void put_file_of_store(size_t file)
{
	char guid[37], text[CONTENT_SIZE + 1];

	guid_of(file, guid);
	content_of(file, text);
	sis_put_store_file(root, guid, text, CONTENT_SIZE);
}

/* The one name in FILES is the store file FILE's, for the first time; frees it. */
static void check_named(PWCHAR *files, ULONG count, size_t file)
{
	char path[PATH_CAPACITY], guid[37];
	WCHAR expected[PATH_CAPACITY];

	ck_assert_uint_eq(count, 1);
	guid_of(file, guid);
	(void)snprintf(path, sizeof(path), "%s/" STORE_NAME "/%s.sis", root, guid);
	(void)text_to_wide(path, expected);
	ck_assert(wcscmp(files[0], expected) == 0);
	ck_assert(!named[file]);
	named[file] = true;
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
}

static void check_not_named(PWCHAR *files, ULONG count, size_t file)
{
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(files);
	ck_assert_msg(named[file], "store file %zu was never named", file);
}

static void check_all_named(void)
{
	for (size_t i = 0; i < STORE_FILES; i++)
		ck_assert_msg(named[i], "store file %zu was never named", i);
}

/* ---- scene ---- */

static void set_up_volume(void)
{
	root = sis_volume(ON_TMPFS);
	if (!root)
		return;
	/* A page for each link, and room for the rest. */
	ck_assert_int_eq(mount("none", root, "tmpfs", 0, "size=1g,nr_inodes=0"), 0);
	(void)text_to_wide(root, wide_root);
	links = number_of_links();
	order = calloc(links, sizeof(*order));
	ck_assert_ptr_nonnull(order);
	shuffle(order, links);
	memset(named, 0, sizeof(named));
}

static void tear_down_volume(void)
{
	free(order);
	order = NULL;
	if (root)
		ck_assert_int_eq(umount(root), 0);
}

/* ---- backup ---- */

START_TEST(each_store_file_is_saved_once_and_contexts_lead_to_the_first_link)
{
	size_t first[STORE_FILES];
	uint8_t reparse[72];
	PWCHAR *files;
	void *matching;
	ULONG count;
	PVOID pass;

	if (!root)
		return;
	for (size_t i = 0; i < STORE_FILES; i++)
		put_file_of_store(i);
	pass = begin_backup();
	for (size_t i = 0; i < links; i++) {
		const size_t file = order[i] % STORE_FILES;

		reparse_of(order[i], reparse);
		ck_assert_int_eq(SisCSFilesToBackupForLink(pass, reparse, 72, &order[i],
					 &matching, &count, &files),
			1);
		if (!matching) {
			first[file] = i;
			check_named(files, count, file);
			continue;
		}
		check_not_named(files, count, file);
		ck_assert_ptr_eq(matching, &order[first[file]]);
	}
	check_all_named();
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

/* ---- restore ---- */

static void make_directories(void)
{
	char path[PATH_CAPACITY];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "%s/%d", root, i);
		ck_assert_int_eq(mkdir(path, 0755), 0);
	}
}

static void tell_link(PVOID pass, size_t link, ULONG *count, PWCHAR **files)
{
	char path[PATH_CAPACITY];
	WCHAR name[PATH_CAPACITY];
	uint8_t reparse[72];

	link_path(link, path);
	(void)text_to_wide(path, name);
	reparse_of(link, reparse);
	sis_put_bare(path, reparse, CONTENT_SIZE);
	ck_assert_int_eq(SisRestoredLink(pass, name, reparse, 72, count, files), 1);
}

/* Those below ALREADY are on the volume with their content. */
static void restore_links(PVOID pass, size_t already)
{
	PWCHAR *files;
	ULONG count;

	for (size_t i = 0; i < links; i++) {
		const size_t file = order[i] % STORE_FILES;

		tell_link(pass, order[i], &count, &files);
		if (file < already || named[file]) {
			ck_assert_uint_eq(count, 0);
			ck_assert_ptr_null(files);
		} else {
			check_named(files, count, file);
		}
	}
	for (size_t i = 0; i < STORE_FILES; i++)
		ck_assert_int_eq(named[i], i >= already);
}

static void restore_store_files(PVOID pass)
{
	char path[PATH_CAPACITY], guid[37];
	WCHAR name[PATH_CAPACITY];
	size_t late[STORE_FILES];

	shuffle(late, STORE_FILES);
	for (size_t i = 0; i < STORE_FILES; i++) {
		if (!named[late[i]])
			continue;
		put_file_of_store(late[i]);
		guid_of(late[i], guid);
		(void)snprintf(
			path, sizeof(path), "%s/" STORE_NAME "/%s.sis", root, guid);
		(void)text_to_wide(path, name);
		ck_assert_int_eq(SisRestoredCommonStoreFile(pass, name), 1);
	}
}

static void check_link(size_t link)
{
	char path[PATH_CAPACITY], text[CONTENT_SIZE + 1], data[CONTENT_SIZE + 1];
	uint8_t expected[72], reparse[72];
	uint32_t needed;
	FILE *file;

	link_path(link, path);
	content_of(link % STORE_FILES, text);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fread(data, 1, sizeof(data), file), CONTENT_SIZE);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_mem_eq(data, text, CONTENT_SIZE);
	ck_assert_int_eq(backupapi_get_reparse_point(path, reparse, 72, &needed), 0);
	reparse_of(link, expected);
	ck_assert_mem_eq(reparse, expected, 72);
}

static void restore_all(size_t already)
{
	PVOID pass;

	make_directories();
	pass = begin_restore();
	restore_links(pass, already);
	restore_store_files(pass);
	ck_assert_msg(SisFreeRestoreStructure(pass) == 1, "%s", backupapi_error_detail());
	for (size_t i = 0; i < links; i++)
		check_link(i);
}

START_TEST(links_come_first_in_any_order_and_store_files_late)
{
	if (root)
		restore_all(0);
}
END_TEST

START_TEST(store_files_already_there_are_not_asked_for_again)
{
	const size_t already = STORE_FILES / 4;

	if (!root)
		return;
	links /= 4;
	shuffle(order, links);
	for (size_t i = 0; i < already; i++)
		put_file_of_store(i);
	restore_all(already);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_many");
	TCase *tcase = tcase_create("sis_many");

	if (geteuid() != 0) {
		sis_skipped("only root can mount a volume of this size");
		return 77;
	}
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_add_checked_fixture(tcase, set_up_volume, tear_down_volume);
	tcase_set_timeout(tcase, 280);
	tcase_add_test(
		tcase, each_store_file_is_saved_once_and_contexts_lead_to_the_first_link);
	tcase_add_test(tcase, links_come_first_in_any_order_and_store_files_late);
	tcase_add_test(tcase, store_files_already_there_are_not_asked_for_again);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
