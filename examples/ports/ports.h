/*
 * ports.h - what the ports share: where files are kept, the only thing that differs
 * between Windows and POSIX here, and how a failure is told
 *
 * Listed names are UNC names, `\\server\share\path\file`, on both. A backup keeps each file
 * below its directory as server/share/path/file.
 */
#ifndef PORTS_H
#define PORTS_H

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

#include <direct.h>
#include <io.h>

#define make_directory(path) _mkdir(path)
#define flush_to_disk(file)  _commit(_fileno(file))
#define look_at(path, into)  stat((path), (into))

/* There, END, which ends a backup of this kind, is all there is. */
#define abandon_backup(backup, end) ((void)(end)(backup))

/* In the code page of main's arguments; both of these: free(). */
static inline char *narrow_text(const WCHAR *wide)
{
	int size = WideCharToMultiByte(CP_ACP, 0, wide, -1, NULL, 0, NULL, NULL);
	char *text = (char *)malloc((size_t)size);

	if (text)
		WideCharToMultiByte(CP_ACP, 0, wide, -1, text, size, NULL, NULL);
	return text;
}

static inline WCHAR *wide_text(const char *text)
{
	int length = MultiByteToWideChar(CP_ACP, 0, text, -1, NULL, 0);
	WCHAR *wide = (WCHAR *)malloc((size_t)length * sizeof(WCHAR));

	if (wide)
		MultiByteToWideChar(CP_ACP, 0, text, -1, wide, length);
	return wide;
}

/* A UNC name is a path on Windows. */
static inline char *path_of_name(const WCHAR *name)
{
	return narrow_text(name);
}

#else

#include <sys/stat.h>
#include <unistd.h>

#define make_directory(path)        mkdir((path), 0700)
#define flush_to_disk(file)         fsync(fileno(file))
#define look_at(path, into)         lstat((path), (into))

/* A backup whose copy failed is not to count as one, though every byte of it was read. */
#define abandon_backup(backup, end) ((void)backupapi_backup_abandon(backup))

static inline char *copy_and_free(char *block)
{
	char *text = block ? strdup(block) : NULL;

	backupapi_free(block);
	return text;
}

static inline char *narrow_text(const WCHAR *wide)
{
	return copy_and_free(backupapi_text_from_wide(wide));
}

static inline WCHAR *wide_text(const char *text)
{
	size_t size = backupapi_text_to_wide(text, NULL, 0) + 1;
	WCHAR *wide = malloc(size * sizeof(WCHAR));

	if (wide)
		(void)backupapi_text_to_wide(text, wide, size);
	return wide;
}

static inline char *path_of_name(const WCHAR *name)
{
	return copy_and_free(backupapi_path_from_name(name));
}

#endif

/* Makes the directories above PATH that are missing, from its byte FROM on. */
static inline void make_directories(char *path, size_t from)
{
	for (char *p = path + from; *p; p++)
		if (*p == '/') {
			*p = '\0';
			(void)make_directory(path); /* that it exists: fopen tells */
			*p = '/';
		}
}

/* Creates the copy of NAME, which comes without its tag, below DIRECTORY. A backslash in a
 * POSIX path is no separator. */
static inline FILE *create_copy(const char *directory, const char *name)
{
	size_t length = strlen(directory), skip = strspn(name, "\\/");
	char *path = (char *)malloc(length + strlen(name) + 2);
	FILE *file;

	if (!path)
		return NULL;
	sprintf(path, "%s/%s", directory, name + skip);
	for (char *p = path + length; *name == '\\' && *p; p++)
		if (*p == '\\')
			*p = '/';
	make_directories(path, length + 1);
	file = fopen(path, "wb");
	if (!file)
		fprintf(stderr, "%s: cannot be created\n", path);
	free(path);
	return file;
}

/* What was written is on the disk, or it is no backup. */
static inline BOOL close_copy(FILE *file)
{
	BOOL good = fflush(file) == 0 && flush_to_disk(file) == 0;

	return fclose(file) == 0 && good;
}

static inline BOOL copy_bytes(FILE *from, FILE *to)
{
	static char buffer[1 << 16];
	size_t got;

	while ((got = fread(buffer, 1, sizeof(buffer), from)) > 0)
		if (fwrite(buffer, 1, got, to) != got)
			return FALSE;
	return !ferror(from);
}

/* For files that the tool reads by itself: PATH becomes NAME below DIRECTORY. */
static inline BOOL copy_file(const char *path, const char *directory, const char *name)
{
	FILE *from = fopen(path, "rb"), *to;
	BOOL good;

	if (!from) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return FALSE;
	}
	to = create_copy(directory, name);
	good = to && copy_bytes(from, to);
	if (to && !close_copy(to))
		good = FALSE;
	if (fclose(from) != 0)
		good = FALSE;
	return good;
}

/* CODE is an HRESULT, or GetLastError() of a function that returns BOOL. */
static inline void print_failure(const char *what, DWORD code)
{
	char *text = NULL;
	DWORD length = FormatMessageA(
		FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM |
			FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
		NULL, code, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), (LPSTR)&text, 0,
		NULL);

	fprintf(stderr, "%s: 0x%08lx %s\n", what, code, length ? text : "");
	LocalFree(text);
}

#endif
