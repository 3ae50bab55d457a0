/*
 * win32/files.h - CreateFile and DeviceIoControl for reparse points and sparse files
 *
 * Included by windows.h only. Existing files alone, and not for reading or writing: Win32's
 * other file functions are open(), read(), write() and the like here.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_FILES_H
#define BACKUPAPI_WIN32_FILES_H

#ifndef GENERIC_READ
#define GENERIC_READ 0x80000000u
#endif
#ifndef GENERIC_WRITE
#define GENERIC_WRITE 0x40000000u
#endif
#ifndef GENERIC_ALL
#define GENERIC_ALL 0x10000000u
#endif
#ifndef FILE_READ_DATA
#define FILE_READ_DATA 0x0001
#endif
#ifndef FILE_WRITE_DATA
#define FILE_WRITE_DATA 0x0002
#endif
#ifndef FILE_APPEND_DATA
#define FILE_APPEND_DATA 0x0004
#endif
#ifndef FILE_READ_ATTRIBUTES
#define FILE_READ_ATTRIBUTES 0x0080
#endif
#ifndef FILE_WRITE_ATTRIBUTES
#define FILE_WRITE_ATTRIBUTES 0x0100
#endif

#ifndef FILE_SHARE_READ
#define FILE_SHARE_READ 0x00000001
#endif
#ifndef FILE_SHARE_WRITE
#define FILE_SHARE_WRITE 0x00000002
#endif
#ifndef FILE_SHARE_DELETE
#define FILE_SHARE_DELETE 0x00000004
#endif

#ifndef CREATE_NEW
#define CREATE_NEW 1
#endif
#ifndef CREATE_ALWAYS
#define CREATE_ALWAYS 2
#endif
#ifndef OPEN_EXISTING
#define OPEN_EXISTING 3
#endif
#ifndef OPEN_ALWAYS
#define OPEN_ALWAYS 4
#endif
#ifndef TRUNCATE_EXISTING
#define TRUNCATE_EXISTING 5
#endif

#ifndef FILE_ATTRIBUTE_READONLY
#define FILE_ATTRIBUTE_READONLY 0x00000001
#endif
#ifndef FILE_ATTRIBUTE_DIRECTORY
#define FILE_ATTRIBUTE_DIRECTORY 0x00000010
#endif
#ifndef FILE_ATTRIBUTE_NORMAL
#define FILE_ATTRIBUTE_NORMAL 0x00000080
#endif
#ifndef FILE_ATTRIBUTE_SPARSE_FILE
#define FILE_ATTRIBUTE_SPARSE_FILE 0x00000200
#endif
#ifndef FILE_ATTRIBUTE_REPARSE_POINT
#define FILE_ATTRIBUTE_REPARSE_POINT 0x00000400
#endif
#ifndef FILE_FLAG_OPEN_REPARSE_POINT
#define FILE_FLAG_OPEN_REPARSE_POINT 0x00200000
#endif
#ifndef FILE_FLAG_BACKUP_SEMANTICS
#define FILE_FLAG_BACKUP_SEMANTICS 0x02000000
#endif
#ifndef FILE_FLAG_SEQUENTIAL_SCAN
#define FILE_FLAG_SEQUENTIAL_SCAN 0x08000000
#endif

#ifndef FSCTL_SET_REPARSE_POINT
#define FSCTL_SET_REPARSE_POINT BACKUPAPI_CONTROL_SET_REPARSE_POINT
#endif
#ifndef FSCTL_GET_REPARSE_POINT
#define FSCTL_GET_REPARSE_POINT BACKUPAPI_CONTROL_GET_REPARSE_POINT
#endif
#ifndef FSCTL_SET_SPARSE
#define FSCTL_SET_SPARSE BACKUPAPI_CONTROL_SET_SPARSE
#endif
#ifndef FSCTL_QUERY_ALLOCATED_RANGES
#define FSCTL_QUERY_ALLOCATED_RANGES BACKUPAPI_CONTROL_QUERY_RANGES
#endif

#ifndef MAXIMUM_REPARSE_DATA_BUFFER_SIZE
#define MAXIMUM_REPARSE_DATA_BUFFER_SIZE (16 * 1024)
#endif
#ifndef IO_REPARSE_TAG_RESERVED_ZERO
#define IO_REPARSE_TAG_RESERVED_ZERO 0u
#endif
#ifndef IO_REPARSE_TAG_MOUNT_POINT
#define IO_REPARSE_TAG_MOUNT_POINT 0xA0000003u
#endif
#ifndef IO_REPARSE_TAG_SYMLINK
#define IO_REPARSE_TAG_SYMLINK 0xA000000Cu
#endif
#ifndef IO_REPARSE_TAG_SIS
#define IO_REPARSE_TAG_SIS 0x80000007
#endif
#ifndef IsReparseTagMicrosoft
#define IsReparseTagMicrosoft(tag) (((tag)&0x80000000u) != 0)
#endif

/* DeviceIoControl gives and takes the first three fields in this machine's order of bytes;
 * what follows is little-endian everywhere, as on the disk. The names in a symbolic link's
 * or a mount point's are from a Windows volume: 16-bit characters, whatever WCHAR is
 * here. */
typedef struct _REPARSE_DATA_BUFFER {
	DWORD ReparseTag;
	WORD ReparseDataLength;
	WORD Reserved;
	BACKUPAPI_EXTENSION union {
		struct {
			WORD SubstituteNameOffset;
			WORD SubstituteNameLength;
			WORD PrintNameOffset;
			WORD PrintNameLength;
			DWORD Flags;
			uint16_t PathBuffer[1];
		} SymbolicLinkReparseBuffer;
		struct {
			WORD SubstituteNameOffset;
			WORD SubstituteNameLength;
			WORD PrintNameOffset;
			WORD PrintNameLength;
			uint16_t PathBuffer[1];
		} MountPointReparseBuffer;
		struct {
			BYTE DataBuffer[1];
		} GenericReparseBuffer;
	};
} REPARSE_DATA_BUFFER, *PREPARSE_DATA_BUFFER;

#ifndef REPARSE_DATA_BUFFER_HEADER_SIZE
#define REPARSE_DATA_BUFFER_HEADER_SIZE                                                  \
	offsetof(REPARSE_DATA_BUFFER, GenericReparseBuffer)
#endif

typedef struct _FILE_SET_SPARSE_BUFFER {
	BOOLEAN SetSparse;
} FILE_SET_SPARSE_BUFFER, *PFILE_SET_SPARSE_BUFFER;

typedef struct _FILE_ALLOCATED_RANGE_BUFFER {
	LARGE_INTEGER FileOffset;
	LARGE_INTEGER Length;
} FILE_ALLOCATED_RANGE_BUFFER, *PFILE_ALLOCATED_RANGE_BUFFER;

/* Only NULL is ever passed. */
typedef struct _SECURITY_ATTRIBUTES *LPSECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES;
typedef struct _OVERLAPPED *LPOVERLAPPED;

static inline HANDLE backupapi_CreateFileA(LPCSTR name, DWORD access, DWORD share,
	LPSECURITY_ATTRIBUTES security, DWORD disposition, DWORD flags, HANDLE pattern)
{
	void *file = backupapi_file_open(name, access, disposition, flags);

	(void)share;
	(void)security;
	(void)pattern;
	return file ? file : INVALID_HANDLE_VALUE;
}

static inline HANDLE backupapi_CreateFileW(LPCWSTR name, DWORD access, DWORD share,
	LPSECURITY_ATTRIBUTES security, DWORD disposition, DWORD flags, HANDLE pattern)
{
	char *text = backupapi_text_from_wide(name);
	HANDLE file = INVALID_HANDLE_VALUE;

	if (text)
		file = backupapi_CreateFileA(
			text, access, share, security, disposition, flags, pattern);
	backupapi_free(text);
	return file;
}

#define BACKUPAPI_REPARSE_HEADER 8u

/* From the disk's bytes to the structure's fields, in place. */
static inline void backupapi_load_reparse_header(BYTE *data)
{
	const DWORD tag = (DWORD)data[0] | (DWORD)data[1] << 8 | (DWORD)data[2] << 16 |
			  (DWORD)data[3] << 24;
	const WORD length = (WORD)(data[4] | data[5] << 8);
	const WORD reserved = (WORD)(data[6] | data[7] << 8);

	memcpy(data, &tag, sizeof(tag));
	memcpy(data + 4, &length, sizeof(length));
	memcpy(data + 6, &reserved, sizeof(reserved));
}

/* The other way. */
static inline void backupapi_store_reparse_header(BYTE *data)
{
	DWORD tag;
	WORD length, reserved;

	memcpy(&tag, data, sizeof(tag));
	memcpy(&length, data + 4, sizeof(length));
	memcpy(&reserved, data + 6, sizeof(reserved));
	for (int i = 0; i < 4; i++)
		data[i] = (BYTE)(tag >> 8 * i & 0xff);
	for (int i = 0; i < 2; i++) {
		data[4 + i] = (BYTE)(length >> 8 * i & 0xff);
		data[6 + i] = (BYTE)(reserved >> 8 * i & 0xff);
	}
}

static inline BOOL backupapi_get_reparse(
	HANDLE file, LPVOID out, DWORD out_size, LPDWORD returned)
{
	DWORD given = 0;
	BOOL done = backupapi_file_control(file, BACKUPAPI_CONTROL_GET_REPARSE_POINT,
		NULL, 0, out, out_size, &given);

	/* With ERROR_MORE_DATA too. */
	if (out && given >= BACKUPAPI_REPARSE_HEADER)
		backupapi_load_reparse_header((BYTE *)out);
	if (returned)
		*returned = given;
	return done;
}

/* Of what is longer than any reparse data the rest makes no difference. */
static inline BOOL backupapi_set_reparse(
	HANDLE file, LPCVOID in, DWORD in_size, LPDWORD returned)
{
	BYTE data[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
	const DWORD size = in_size < sizeof(data) ? in_size : (DWORD)sizeof(data);

	if (in)
		memcpy(data, in, size);
	if (in && size >= BACKUPAPI_REPARSE_HEADER)
		backupapi_store_reparse_header(data);
	return backupapi_file_control(file, BACKUPAPI_CONTROL_SET_REPARSE_POINT,
		in ? data : NULL, size, NULL, 0, returned);
}

static inline BOOL backupapi_DeviceIoControl(HANDLE file, DWORD code, LPVOID in,
	DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
	LPOVERLAPPED overlapped)
{
	(void)overlapped; /* done when the call returns */
	if (code == BACKUPAPI_CONTROL_GET_REPARSE_POINT)
		return backupapi_get_reparse(file, out, out_size, returned);
	if (code == BACKUPAPI_CONTROL_SET_REPARSE_POINT)
		return backupapi_set_reparse(file, in, in_size, returned);
	return backupapi_file_control(file, code, in, in_size, out, out_size, returned);
}

#ifndef CreateFileA
#define CreateFileA backupapi_CreateFileA
#endif
#ifndef CreateFileW
#define CreateFileW backupapi_CreateFileW
#endif
#ifndef CreateFile
#define CreateFile BACKUPAPI_NAME_AW(CreateFile)
#endif
#ifndef DeviceIoControl
#define DeviceIoControl backupapi_DeviceIoControl
#endif
#ifndef CloseHandle
#define CloseHandle backupapi_handle_close
#endif

#endif
