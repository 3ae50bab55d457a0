/*
 * ntdsbcli.h - backup and restore of a directory service's database
 *
 * Source compatible with the Windows header of this name: the same functions, macros,
 * function types, structures and constants. Each function that takes or gives text has
 * an A form (UTF-8) and a W form (WCHAR); the name without the suffix is the one that
 * UNICODE chooses. Programs link with libbackupapi.
 *
 * CONCEPTS
 *
 * Server	The store of one directory service, described by one configuration file
 *		(backupapi.conf(5)). Callers name it by its name or an alias, with or
 *		without leading backslashes; letters compare without case. NULL, "", "."
 *		and "localhost", and this host's own name, mean the only configured
 *		directory service of this host.
 * Backup	A handle from DsBackupPrepare to DsBackupEnd. All that it streams is one
 *		recoverable state of the store: the moment of DsBackupPrepare.
 * Expiry token	Opaque bytes made by DsBackupPrepare, to be kept with the backup and given
 *		to DsRestorePrepare. They say whose backup it is and after which time its
 *		contents are too old to be brought back (the directory's tombstone
 *		lifetime).
 * Restore	A handle from DsRestorePrepare to DsRestoreEnd, through which the caller
 *		registers where it puts the files of a backup, which it copies by its own
 *		I/O. Once registered, the restore is durable: the service does not start
 *		until the restore was completed and recovered, or cancelled.
 * Names	Databases, logs and locations are listed as UNC names,
 *		`\\server\share\path\file`; the share is a configured one or `posix$`, the
 *		root directory. A server can be configured to list plain POSIX paths.
 *		backupapi_path_from_name() gives the path behind a name.
 * Tag		The character in front of each listed name that says what the file is: one
 *		of BFT_... below; in A lists one raw byte ahead of UTF-8 text. Names are
 *		taken back with or without it, as UNC name or as POSIX path.
 * List		One block of memory: name after name, each ending in a NUL, one more NUL
 *		at the end. Its size counts every byte of it. An empty list is a block
 *		too, holding two NULs; so `for (p = list; *p; p += strlen(p) + 1)` visits
 *		every name of any list.
 *
 * TEXT. WCHAR is wchar_t (32 bits on Linux): L"...", wcslen and %ls work. With 16 bits
 * (backupapi/types.h) it is UTF-16. No form depends on the locale. A byte of a path that
 * is not UTF-8 is listed in W lists as U+DC80 to U+DCFF, in UTF-16 a low surrogate without
 * a high one, and as itself in A lists; a backslash inside a POSIX name as U+F05C.
 *
 * MEMORY. Lists and tokens belong to the caller, who releases them with DsBackupFree()
 * and nothing else. They outlive the handle they came from. Out parameters are never
 * read. On failure pointers and handles are NULL, sizes and flags 0.
 *
 * ERRORS. Functions return S_OK or a failing HRESULT: a hr... code of ntdsbmsg.h, or
 * HRESULT_FROM_WIN32(code) of a Win32 code. Below, codes without "hr" mean the latter.
 * The one exception is DsBackupRead's end of file. A failure also sets the thread's last
 * error and a line naming file and reason: backupapi_error_detail(). A call that
 * succeeds leaves both alone. Errors that every function has and that are not repeated
 * below:
 *	ERROR_INVALID_PARAMETER		a required pointer is NULL; flags are unknown; a
 *					handle is NULL, made up, ended, of the other kind,
 *					or another process's (so is a forked child's copy)
 *	ERROR_NOT_ENOUGH_MEMORY		or a list would be over 4 GiB
 *	ERROR_ACCESS_DENIED		file permissions; EACCES and EPERM always become
 *					this
 *	ERROR_NO_UNICODE_TRANSLATION	text given that is no Unicode: a character above
 *					U+10FFFF, or a surrogate alone (U+DC80 to U+DCFF
 *					are bytes of paths, see TEXT)
 *	hrDatabaseCorrupted, ERROR_IO_DEVICE, ERROR_DISK_FULL and others, as the system or
 *					the database engine reports them
 * Functions that take a server name also fail with
 *	hrCouldNotConnect		no such server, or not a server name at all (an
 *					underscore is not allowed)
 *	ERROR_INVALID_PARAMETER		this host is meant, and it has several or none
 *	RPC_S_INVALID_BINDING		configured as being on another machine
 *	ERROR_BAD_CONFIGURATION		its file is broken, or two files claim one name or
 *					database; the detail names file, line and reason
 *
 * THREADS. Any function may be called from any thread, with any handle. Calls on one
 * handle wait for each other; calls on different handles run in parallel. A handle
 * belongs to the process that made it: a forked child's copy is dead.
 *
 * BACKUP, IN ORDER
 *
 *	DsIsNTDSOnline			may be asked first
 *	DsBackupPrepare			freezes the state; gives the expiry token
 *	DsBackupGetDatabaseNames
 *	  for each: DsBackupOpenFile, DsBackupRead until the end, DsBackupClose
 *	DsBackupGetBackupLogs		ends the database phase
 *	  for each: the same three
 *	DsBackupTruncateLogs		optional, once all is safely stored; records the
 *					backup
 *	DsBackupEnd			records the backup if all of it was delivered
 *
 * What is allowed when: S is hrInvalidBackupSequence, H hrInvalidHandle, A hrAlreadyOpen,
 * N ERROR_FILE_NOT_FOUND:
 *
 *	state of the backup	Names	OpenFile	OpenFile  Read,  Get   Truncate
 *				 	a database	a log	  Close  Logs  Logs
 *	databases		 ok	 ok		 N	   H	  ok	S
 *	database open		 ok	 A		 A	   ok	  S	S
 *	logs listed		 S	 S		 ok	   H	  ok	ok or S
 *	log open		 S	 A		 A	   ok	  S	S
 *
 * End is allowed in all of them. TruncateLogs is S until the backup is complete: both
 * lists asked for and every byte of every listed file delivered.
 *
 * RESTORE, IN ORDER
 *
 *	stop the service		(backupapi_server_control())
 *	DsRestorePrepare		with the backup's expiry token
 *	DsRestoreGetDatabaseLocations	where the databases and logs are now
 *	DsRestoreRegister		the full backup
 *	  the caller copies each file to backupapi_restore_staging_path(), where nothing
 *	  can start on it too early and from where recovery takes it; or straight to its
 *	  place
 *	DsRestoreRegisterComplete	S_OK, or a failure to keep the service down
 *	DsRestoreEnd
 *	backupapi_recover()		or simply start the service
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef _NTDSBCLI_H_
#define _NTDSBCLI_H_

#include <backupapi/errors.h>
#include <backupapi/types.h>

#include <ntdsbmsg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define xRPC_STRING

#ifndef __WCHAR_DEFINED
#define __WCHAR_DEFINED
#endif

#ifndef _NTDSBCLI_DEFINED
#define NTDSBCLI_API BACKUPAPI_EXPORT BACKUPAPI_CALL
#else
#define NTDSBCLI_API
#endif

/* Names of the two interfaces, for logs and messages; the g_sz... forms follow UNICODE.
 */
#define g_wszBackupAnnotation  BACKUPAPI_WIDE("NTDS Backup Interface")
#define g_aszBackupAnnotation  "NTDS Backup Interface"
#define g_wszRestoreAnnotation BACKUPAPI_WIDE("NTDS Restore Interface")
#define g_aszRestoreAnnotation "NTDS Restore Interface"

#ifdef UNICODE
#define g_szBackupAnnotation  g_wszBackupAnnotation
#define g_szRestoreAnnotation g_wszRestoreAnnotation
#else
#define g_szBackupAnnotation  g_aszBackupAnnotation
#define g_szRestoreAnnotation g_aszRestoreAnnotation
#endif

/* btFlag: only BACKUP_TYPE_FULL is accepted, as on Windows. */
#define BACKUP_TYPE_FULL        0x01
#define BACKUP_TYPE_LOGS_ONLY   0x02
#define BACKUP_TYPE_INCREMENTAL 0x04

/* rtFlag: 0 or RESTORE_TYPE_CATCHUP. */
#define RESTORE_TYPE_AUTHORATATIVE 0x01
#define RESTORE_TYPE_ONLINE        0x02
#define RESTORE_TYPE_CATCHUP       0x04

/* For DsSetCurrentBackupLog. */
#define BACKUP_DISABLE_INCREMENTAL 0xffffffff

/* The tag in front of a listed name. A CHAR tag above 0x7f may be negative: compare the
 * character with the constant, both are of type BFT. */
#ifdef UNICODE
typedef WCHAR BFT;
#else
typedef CHAR BFT;
#endif

/* Bits that tags are made of. */
#define BFT_DIRECTORY          0x80
#define BFT_DATABASE_DIRECTORY 0x40
#define BFT_LOG_DIRECTORY      0x20

/* 0x21 '!', 0x82, 0x83, 0x44 'D', 0x25 and 0x0f. */
#define BFT_LOG            ((BFT)(TEXT('\x01') | BFT_LOG_DIRECTORY))
#define BFT_LOG_DIR        ((BFT)(TEXT('\x02') | BFT_DIRECTORY))
#define BFT_CHECKPOINT_DIR ((BFT)(TEXT('\x03') | BFT_DIRECTORY))
#define BFT_NTDS_DATABASE  ((BFT)(TEXT('\x04') | BFT_DATABASE_DIRECTORY))
#define BFT_PATCH_FILE     ((BFT)(TEXT('\x05') | BFT_LOG_DIRECTORY))
#define BFT_UNKNOWN        ((BFT)(TEXT('\x0f')))

/* A backup or a restore. A number dressed as a pointer: never dereferenced, never
 * reused. */
typedef void *HBC;

/* One database of a restore: its full name as saved with the backup, and the full name
 * that it is to have. Both UNC or POSIX, with or without tag; the caller's, read only. */
typedef struct tagEDB_RSTMAPA {
	char *szDatabaseName;
	char *szNewDatabaseName;
} EDB_RSTMAPA, *PEDB_RSTMAPA;

#define UNICODE_RSTMAP

typedef struct tagEDB_RSTMAPW {
	WCHAR *wszDatabaseName;
	WCHAR *wszNewDatabaseName;
} EDB_RSTMAPW, *PEDB_RSTMAPW;

#define EDB_RSTMAP                    BACKUPAPI_NAME_AW(EDB_RSTMAP)
#define PEDB_RSTMAP                   BACKUPAPI_NAME_AW(PEDB_RSTMAP)

#define DsIsNTDSOnline                BACKUPAPI_NAME_AW(DsIsNTDSOnline)
#define DsBackupPrepare               BACKUPAPI_NAME_AW(DsBackupPrepare)
#define DsBackupGetDatabaseNames      BACKUPAPI_NAME_AW(DsBackupGetDatabaseNames)
#define DsBackupOpenFile              BACKUPAPI_NAME_AW(DsBackupOpenFile)
#define DsBackupGetBackupLogs         BACKUPAPI_NAME_AW(DsBackupGetBackupLogs)
#define DsRestoreGetDatabaseLocations BACKUPAPI_NAME_AW(DsRestoreGetDatabaseLocations)
#define DsRestorePrepare              BACKUPAPI_NAME_AW(DsRestorePrepare)
#define DsRestoreRegister             BACKUPAPI_NAME_AW(DsRestoreRegister)
#define DsSetCurrentBackupLog         BACKUPAPI_NAME_AW(DsSetCurrentBackupLog)
#define DsSetAuthIdentity             BACKUPAPI_NAME_AW(DsSetAuthIdentity)

/* ---- backup ---- */

/*
 * Is the directory service online?
 *
 *	szServerName	the server; may be NULL
 *	pfNTDSOnline	receives 1 when it serves, 0 when it is stopped or suspended
 */
HRESULT NTDSBCLI_API DsIsNTDSOnlineA(LPCSTR szServerName, BOOL *pfNTDSOnline);
HRESULT NTDSBCLI_API DsIsNTDSOnlineW(LPCWSTR szServerName, BOOL *pfNTDSOnline)
	BACKUPAPI_TEXT(DsIsNTDSOnlineW);

/*
 * Begins a full backup: freezes one recoverable state of the store. Locks are held until
 * DsBackupEnd, or until the process ends, however it ends.
 *
 *	szBackupServer		the server; may be NULL
 *	grbit			0
 *	btFlag			BACKUP_TYPE_FULL
 *	ppvExpiryToken		receives the expiry token: DsBackupFree(), which wipes it
 *	pcbExpiryTokenSize	receives its size in bytes
 *	phbc			receives the handle: DsBackupEnd()
 *
 *	hrInvalidParam			a NULL token pointer
 *	hrCouldNotConnect		also: the service does not serve (stopped or
 *					suspended)
 *	hrBackupInProgress		another backup of the store runs, in any process
 *	hrRestoreInProgress		a restore is registered and not yet recovered
 *	ERROR_NOT_SUPPORTED		this build lacks the store's database engine
 *	ERROR_BUSY			the files kept changing, so that no consistent
 *					state could be had
 */
HRESULT NTDSBCLI_API DsBackupPrepareA(LPCSTR szBackupServer, ULONG grbit, ULONG btFlag,
	PVOID *ppvExpiryToken, LPDWORD pcbExpiryTokenSize, HBC *phbc);
HRESULT NTDSBCLI_API DsBackupPrepareW(LPCWSTR szBackupServer, ULONG grbit, ULONG btFlag,
	PVOID *ppvExpiryToken, LPDWORD pcbExpiryTokenSize, HBC *phbc)
	BACKUPAPI_TEXT(DsBackupPrepareW);

/*
 * Lists the databases, tagged BFT_NTDS_DATABASE.
 *
 *	hbc			a backup
 *	pszAttachmentInfo	receives the list: DsBackupFree()
 *	pcbSize			receives its size in bytes
 *
 *	hrInvalidBackupSequence		the logs were listed already
 */
HRESULT NTDSBCLI_API DsBackupGetDatabaseNamesA(
	HBC hbc, LPSTR *pszAttachmentInfo, LPDWORD pcbSize);
HRESULT NTDSBCLI_API DsBackupGetDatabaseNamesW(HBC hbc, LPWSTR *pszAttachmentInfo,
	LPDWORD pcbSize) BACKUPAPI_TEXT(DsBackupGetDatabaseNamesW);

/*
 * Opens one listed file for reading from its beginning. One file at a time.
 *
 *	hbc			a backup
 *	szAttachmentName	a database or log as this backup listed it, with or
 *				without tag
 *	cbReadHintSize		in bytes: a multiple of 8192, at least 24576
 *	pliFileSize		receives how many bytes DsBackupRead will give in all
 *
 *	ERROR_INVALID_PARAMETER		also: any other hint
 *	ERROR_FILE_NOT_FOUND		not a name that this backup listed
 *	hrInvalidBackupSequence		a database, after the logs were listed
 *	hrAlreadyOpen			another file is open
 */
HRESULT NTDSBCLI_API DsBackupOpenFileA(HBC hbc, LPCSTR szAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize);
HRESULT NTDSBCLI_API DsBackupOpenFileW(HBC hbc, LPCWSTR szAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
	BACKUPAPI_TEXT(DsBackupOpenFileW);

/*
 * Reads the next bytes of the open file straight into the caller's buffer. May give
 * fewer than asked, but never 0 bytes with S_OK. The first call at the end of the file
 * returns ERROR_HANDLE_EOF plain (38, which is no failure: SUCCEEDED is true) with 0
 * bytes; further ones return HRESULT_FROM_WIN32(ERROR_HANDLE_EOF).
 *
 *	hbc		a backup with an open file
 *	pvBuffer	the caller's; its content is undefined after a failure
 *	cbBuffer	its size in bytes: a multiple of 8192, at least 24576
 *	pcbRead		receives the number of bytes read
 *
 *	ERROR_INVALID_PARAMETER	also: any other size
 *	hrInvalidHandle		no file is open
 *	hrReadVerifyFailure	a page of the database is damaged; never handed out
 *	hrLogFileCorrupt	the log is damaged
 */
HRESULT NTDSBCLI_API DsBackupRead(
	HBC hbc, PVOID pvBuffer, DWORD cbBuffer, PDWORD pcbRead);

/*
 * Closes the open file. One that was not read to its end counts as not delivered; it can
 * be opened again.
 *
 *	hrInvalidHandle		no file is open
 */
HRESULT NTDSBCLI_API DsBackupClose(HBC hbc);

/*
 * Lists the logs to save, tagged BFT_LOG, and ends the database phase: no database can be
 * opened after it. An empty list for a store without logs.
 *
 *	hbc			a backup without an open file
 *	pszBackupLogFiles	receives the list: DsBackupFree()
 *	pcbSize			receives its size in bytes
 *
 *	hrInvalidBackupSequence		a file is open
 *	hrLogFileNotFound		a log that is needed is gone
 */
HRESULT NTDSBCLI_API DsBackupGetBackupLogsA(
	HBC hbc, LPSTR *pszBackupLogFiles, LPDWORD pcbSize);
HRESULT NTDSBCLI_API DsBackupGetBackupLogsW(HBC hbc, LPWSTR *pszBackupLogFiles,
	LPDWORD pcbSize) BACKUPAPI_TEXT(DsBackupGetBackupLogsW);

/*
 * Deletes, oldest first, the logs that neither recovery nor the next incremental backup
 * needs. Call it when everything is safely on the backup medium: before the first log goes
 * the backup is recorded durably, and stays so whatever comes then, a failure of this call
 * included. Where it cannot be recorded this fails and no log goes. S_OK and nothing done
 * for a store without logs.
 *
 *	hrInvalidBackupSequence		a file is open, or the backup is not complete
 */
HRESULT NTDSBCLI_API DsBackupTruncateLogs(HBC hbc);

/*
 * Ends a backup and releases all that it held; the handle is gone whatever is returned. A
 * complete backup is recorded durably before this returns, unless truncating has done so
 * already. An incomplete one is not recorded, and ending it is S_OK. A caller whose own
 * medium failed after everything was read ends with backupapi_backup_abandon() instead.
 * Fails where the record cannot be written; the backup does not count then.
 */
HRESULT NTDSBCLI_API DsBackupEnd(HBC hbc);

/*
 * Releases a block that one of these returned: DsBackupGetDatabaseNames,
 * DsBackupGetBackupLogs, DsBackupPrepare (the token), DsRestoreGetDatabaseLocations.
 *
 *	pvBuffer	the block; NULL does nothing
 *
 * Anything else that is not the start of a live block of this family is refused without
 * touching the memory behind it: the last error becomes ERROR_INVALID_BLOCK, and the
 * environment variable BACKUPAPI_INVALID_FREE or backupapi_set_invalid_free_handler()
 * decides what else happens. Limit: when an address was handed out anew, a second free of
 * the old block cannot be told from the right one.
 */
VOID NTDSBCLI_API DsBackupFree(PVOID pvBuffer);

/* ---- restore ---- */

/*
 * Lists where the store's files are, or would be: each database file, tagged
 * BFT_NTDS_DATABASE, the log directory (BFT_LOG_DIR) and the system directory
 * (BFT_CHECKPOINT_DIR).
 *
 *	hbc			a restore, with or without token
 *	pszDatabaseLocationList	receives the list: DsBackupFree()
 *	pcbSize			receives its size in bytes
 */
HRESULT NTDSBCLI_API DsRestoreGetDatabaseLocationsA(
	HBC hbc, LPSTR *pszDatabaseLocationList, LPDWORD pcbSize);
HRESULT NTDSBCLI_API DsRestoreGetDatabaseLocationsW(
	HBC hbc, LPWSTR *pszDatabaseLocationList, LPDWORD pcbSize)
	BACKUPAPI_TEXT(DsRestoreGetDatabaseLocationsW);

/*
 * Begins a restore. One live restore handle per store, across processes.
 *
 *	szServerName		the server; may be NULL
 *	rtFlag			0 or RESTORE_TYPE_CATCHUP
 *	pvExpiryToken		the backup's token, or NULL for a handle that is good for
 *				DsRestoreGetDatabaseLocations and DsRestoreEnd only, also
 *				while the service runs and while other handles are alive
 *	cbExpiryTokenSize	its size in bytes; ignored where there is no token
 *	phbc			receives the handle: DsRestoreEnd()
 *
 *	hrUnknownExpiryTokenFormat	damaged, empty, or of an unknown version
 *	hrInvalidParam			another server's token (the server's name and
 *					aliases count)
 *	hrContentsExpired		the backup is too old
 *	ERROR_SERVICE_ALREADY_RUNNING	stop the service first
 *	ERROR_BUSY			the machine's clock was set back meanwhile
 *	hrRestoreInProgress		another restore handle of the store is alive, or a
 *					recovery runs
 */
HRESULT NTDSBCLI_API DsRestorePrepareA(LPCSTR szServerName, ULONG rtFlag,
	PVOID pvExpiryToken, DWORD cbExpiryTokenSize, HBC *phbc);
HRESULT NTDSBCLI_API DsRestorePrepareW(LPCWSTR szServerName, ULONG rtFlag,
	PVOID pvExpiryToken, DWORD cbExpiryTokenSize, HBC *phbc)
	BACKUPAPI_TEXT(DsRestorePrepareW);

/*
 * Registers a backup set that is being restored, durably: from here the service does not
 * start until recovery, across reboots. Directories and names are UNC or POSIX, with or
 * without tag. Files that were staged for the same places before this restore was
 * prepared are removed; those staged since then stay. Where registering fails, an earlier
 * registration stands. Needs root or the owner of the server's state_dir.
 *
 *	hbc			a restore that was prepared with a token
 *	szCheckPointFilePath	the system directory
 *	szLogPath		the log directory
 *	rgrstmap		for each database its old and its new full name, equal
 *				where it does not move. Only those in the map are taken
 *				from their staging place; others are as they are. Entries
 *				that name a listed directory are ignored. NULL: an
 *				incremental set
 *	crstmap			number of entries; 0 where rgrstmap is NULL
 *	szBackupLogPath		the directory with the logs of this set
 *	genLow, genHigh		the set's generations, first and last, as the engine
 *				counts (backupapi_log_generation()); 0, 0: no logs
 *
 *	hrMissingExpiryToken		the handle was prepared without a token
 *	hrNoFullRestore			an incremental set before any full one, or after
 *					one that was completed with a failure
 *	hrRestoreMapExists		this handle registered a full set already. One
 *					that an earlier handle left behind is replaced
 *	ERROR_INVALID_PARAMETER		also: a NULL path, a count below 0 or without a
 *					map, genLow above genHigh or only one of them 0, a
 *					NULL name in the map, two databases mapped to one
 *					place, or a map that the engine cannot follow
 *	ERROR_INVALID_NAME		not an absolute name, "." or ".." in it, another
 *					server's
 *	ERROR_ACCESS_DENIED		also: another user's registration
 *	ERROR_INVALID_STATE		an incremental set, and recovery has begun without
 *					it; or a full one without a database that recovery
 *					of the former restore has begun on
 */
HRESULT NTDSBCLI_API DsRestoreRegisterA(HBC hbc, LPCSTR szCheckPointFilePath,
	LPCSTR szLogPath, EDB_RSTMAPA rgrstmap[], LONG crstmap, LPCSTR szBackupLogPath,
	ULONG genLow, ULONG genHigh);
HRESULT NTDSBCLI_API DsRestoreRegisterW(HBC hbc, LPCWSTR szCheckPointFilePath,
	LPCWSTR szLogPath, EDB_RSTMAPW rgrstmap[], LONG crstmap, LPCWSTR szBackupLogPath,
	ULONG genLow, ULONG genHigh) BACKUPAPI_TEXT(DsRestoreRegisterW);

/*
 * Says how the copying went. Any full restore handle of the store may complete a
 * registration, also one whose maker died.
 *
 *	hbc		a restore that was prepared with a token
 *	hrRestoreState	S_OK (or any success): all files are in place, the next start or
 *			backupapi_recover() may recover. A failure: the service stays down
 *			until a good restore is registered and completed, or the
 *			registration is given up with backupapi_cancel_restore()
 *
 *	hrInvalidHandle		nothing is registered
 *	ERROR_INVALID_STATE	success, but this restore was completed with a failure
 *				before
 *	hrMissingExpiryToken	the handle was prepared without a token
 */
HRESULT NTDSBCLI_API DsRestoreRegisterComplete(HBC hbc, HRESULT hrRestoreState);

/* Ends a restore handle. A registration stands until it is recovered or cancelled. */
HRESULT NTDSBCLI_API DsRestoreEnd(HBC hbc);

/* ---- settings ---- */

/*
 * Forbids incremental backups of the store until the next full one, durably, for both
 * families: they fail with hrIncrementalBackupDisabled. Or says with which log the next
 * incremental backup begins.
 *
 *	szServerName	the server; may be NULL
 *	dwCurrentLog	BACKUP_DISABLE_INCREMENTAL, or a generation (from 1 on), as
 *			backupapi_log_generation() reads it off a log's name
 *
 *	hrCircularLogging	the store keeps no logs
 *	ERROR_INVALID_PARAMETER	generation 0
 */
HRESULT NTDSBCLI_API DsSetCurrentBackupLogA(LPCSTR szServerName, DWORD dwCurrentLog);
HRESULT NTDSBCLI_API DsSetCurrentBackupLogW(LPCWSTR szServerName, DWORD dwCurrentLog)
	BACKUPAPI_TEXT(DsSetCurrentBackupLogW);

/*
 * Sets the account for servers that are reached over the network, for all threads of the
 * process. This version reaches none: servers that are configured as being on another
 * machine fail with RPC_S_INVALID_BINDING. The stores of this host are always opened with
 * the rights of the calling process.
 *
 *	szUserName	the user; NULL only where all three are NULL, which goes back to
 *			the identity of the process
 *	szDomainName	the domain of the account; NULL or "": the server's own accounts
 *	szPassword	NULL or "": an empty one
 *
 * The texts are copied to memory that is kept out of swap and core dumps where the
 * system allows it, and wiped when they are replaced and when the process exits or
 * unloads the library. They are never logged. The caller wipes its own copies. A forked
 * child has a copy of its own; programs that the process executes have none.
 *
 *	ERROR_INVALID_PARAMETER	no user, or an empty one, but a domain or a password
 *
 * Where it fails, the account that was set before stays.
 */
HRESULT NTDSBCLI_API DsSetAuthIdentityA(
	LPCSTR szUserName, LPCSTR szDomainName, LPCSTR szPassword);
HRESULT NTDSBCLI_API DsSetAuthIdentityW(LPCWSTR szUserName, LPCWSTR szDomainName,
	LPCWSTR szPassword) BACKUPAPI_TEXT(DsSetAuthIdentityW);

#ifdef __cplusplus
}
#endif
#endif
