/*
 * Saves a volume with single-instance storage, each shared content once.
 *
 * usage: siswalk VOLUME DIRECTORY
 *
 * Below DIRECTORY, files/ holds plain files, links/ the reparse data of links in files of
 * their names, and store/ what of the common store they need.
 */
#include "ports.h"

#include <dirent.h>
#include <sys/stat.h>

#include <winioctl.h>

#include <sisbkup.h>

struct walk {
	const char *volume;
	const char *directory;
	PVOID structure;
	DWORD files, links, contents;
	BOOL failed;
};

static char *join(const char *a, const char *b)
{
	char *path = (char *)malloc(strlen(a) + strlen(b) + 2);

	if (path)
		sprintf(path, "%s/%s", a, b);
	return path;
}

static void fail(struct walk *walk, const char *path)
{
	print_failure(path, GetLastError());
	walk->failed = TRUE;
}

/* PATH, which is below the volume, becomes its copy below the folder WHERE. */
static BOOL copy_to(const struct walk *walk, const char *where, const char *path)
{
	char *folder = join(walk->directory, where);
	BOOL good = FALSE;

	if (folder) {
		(void)make_directory(folder);
		good = copy_file(path, folder, path + strlen(walk->volume));
	}
	free(folder);
	return good;
}

/* ---- the common store ---- */

/* Releases NAMES. */
static void save_contents(struct walk *walk, PWCHAR *names, ULONG count)
{
	for (ULONG i = 0; i < count; i++) {
		char *path = narrow_text(names[i]);

		if (!path || !copy_to(walk, "store", path))
			walk->failed = TRUE;
		else
			walk->contents++;
		free(path);
		SisFreeAllocatedMemory(names[i]);
	}
	SisFreeAllocatedMemory(names);
}

/* ---- links ---- */

/* The size of PATH's reparse data; 0 where it is a plain file, or where it failed. */
static DWORD read_link(struct walk *walk, const char *path, BYTE *data, DWORD room)
{
	WCHAR *name = wide_text(path);
	DWORD size = 0;
	HANDLE file;

	if (!name)
		return 0;
	file = CreateFileW(name, FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE,
		NULL, OPEN_EXISTING,
		FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, NULL);
	free(name);
	if (file == INVALID_HANDLE_VALUE) {
		fail(walk, path);
		return 0;
	}
	if (!DeviceIoControl(
		    file, FSCTL_GET_REPARSE_POINT, NULL, 0, data, room, &size, NULL)) {
		if (GetLastError() != ERROR_NOT_A_REPARSE_POINT)
			fail(walk, path);
		size = 0;
	}
	CloseHandle(file);
	return size;
}

static BOOL save_data(
	const struct walk *walk, const char *path, const BYTE *data, DWORD size)
{
	char *folder = join(walk->directory, "links");
	FILE *copy = NULL;
	BOOL good = FALSE;

	if (folder) {
		(void)make_directory(folder);
		copy = create_copy(folder, path + strlen(walk->volume));
	}
	if (copy)
		good = fwrite(data, 1, size, copy) == size;
	if (copy && !close_copy(copy))
		good = FALSE;
	free(folder);
	return good;
}

static void save_link(struct walk *walk, const char *path, BYTE *data, DWORD size)
{
	PVOID same = NULL;
	PWCHAR *names = NULL;
	ULONG count = 0;

	if (!save_data(walk, path, data, size)) {
		walk->failed = TRUE;
		return;
	}
	walk->links++;
	if (!SisCSFilesToBackupForLink(
		    walk->structure, data, size, NULL, &same, &count, &names))
		fail(walk, path);
	else
		save_contents(walk, names, count);
}

static void save_file(struct walk *walk, const char *path)
{
	static BYTE data[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
	DWORD size = read_link(walk, path, data, sizeof(data));
	DWORD tag = 0;

	if (size >= sizeof(tag))
		memcpy(&tag, data, sizeof(tag));
	if (size && tag == IO_REPARSE_TAG_SIS) {
		save_link(walk, path, data, size);
		return;
	}
	walk->files++;
	if (!copy_to(walk, "files", path))
		walk->failed = TRUE;
}

/* ---- the walk ---- */

static void save_directory(struct walk *walk, const char *path);

static void save_entry(struct walk *walk, const char *path)
{
	struct stat st;

	if (look_at(path, &st) != 0)
		walk->failed = TRUE;
	else if (S_ISDIR(st.st_mode))
		save_directory(walk, path);
	else if (S_ISREG(st.st_mode))
		save_file(walk, path);
}

static void save_directory(struct walk *walk, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory) {
		walk->failed = TRUE;
		return;
	}
	while ((entry = readdir(directory)) != NULL) {
		char *below = join(path, entry->d_name);

		/* The common store is saved through its links. */
		if (!below)
			walk->failed = TRUE;
		else if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
			 strcmp(entry->d_name, "SIS Common Store"))
			save_entry(walk, below);
		free(below);
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	struct walk walk = {0};
	PWCHAR store = NULL, *names = NULL;
	WCHAR *root;
	ULONG count = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: siswalk VOLUME DIRECTORY\n");
		return 2;
	}
	walk.volume = argv[1];
	walk.directory = argv[2];
	root = wide_text(argv[1]);
	if (!root || !SisCreateBackupStructure(
			     root, &walk.structure, &store, &count, &names)) {
		print_failure(argv[1], GetLastError());
		free(root);
		return 1;
	}
	free(root);
	printf("common store: %ws\n", store);
	SisFreeAllocatedMemory(store);
	(void)make_directory(argv[2]);
	save_contents(&walk, names, count);
	save_directory(&walk, argv[1]);
	if (!SisFreeBackupStructure(walk.structure))
		walk.failed = TRUE;
	printf("%lu files, %lu links, %lu files of the common store\n", walk.files,
		walk.links, walk.contents);
	return walk.failed ? 1 : 0;
}
