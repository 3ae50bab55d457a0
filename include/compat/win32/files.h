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

/* The names in a symbolic link's or a mount point's are from a Windows volume: 16-bit
 * characters, whatever WCHAR is here. */
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

static inline BOOL backupapi_DeviceIoControl(HANDLE file, DWORD code, LPVOID in,
	DWORD in_size, LPVOID out, DWORD out_size, LPDWORD returned,
	LPOVERLAPPED overlapped)
{
	(void)overlapped; /* done when the call returns */
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
