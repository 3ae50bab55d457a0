/*
 * certbcli.h - backup and restore of a certification authority's database
 *
 * Source compatible with the Windows header of this name: the same functions, macros,
 * function types, structures and constants. Programs link with libbackupapi.
 *
 * CONCEPTS
 *
 * Server	The store of one certification authority, described by one configuration
 *		file (backupapi.conf(5)). Callers name it by its name or an alias, with or
 *		without leading backslashes, or as `HOST\authority`; letters compare
 *		without case. NULL, L"", L"." and L"localhost", and this host's own name,
 *		mean the only configured certification authority of this host.
 * Backup	A handle from CertSrvBackupPrepare to CertSrvBackupEnd. All that it
 *		streams is one recoverable state of the store: the moment of
 *		CertSrvBackupPrepare, whatever the store's writers do meanwhile.
 * Restore	A handle from CertSrvRestorePrepare to CertSrvRestoreEnd, through which
 *		the caller registers where it puts the files of a backup. The files are
 *		copied by the caller's own I/O. Once registered, the restore is durable:
 *		the service does not start until the restore was completed and recovered,
 *		or given up with backupapi_cancel_restore().
 * Names	Databases, logs and locations are listed as UNC names,
 *		`\\server\share\path\file`; the share is a configured one or `posix$`,
 *		which stands for the root directory. A server can be configured to list
 *		plain POSIX paths instead. backupapi_path_from_name() gives the path
 *		behind a name.
 * Tag		The character in front of each listed name that says what the file is: one
 *		of CSBFT_... below. Dynamic files have none. Functions that take a listed
 *		name back take it with or without its tag, as UNC name or as POSIX path.
 * List		One block of memory: name after name, each ending in a NUL, one more NUL
 *		at the end. Its size counts every byte of it. An empty list is a block
 *		too, holding two NULs; so `for (p = list; *p; p += wcslen(p) + 1)` visits
 *		every name of any list.
 *
 * TEXT. WCHAR is wchar_t (32 bits on Linux): L"...", wcslen and %ls work. With 16 bits
 * (backupapi/types.h) it is UTF-16. Wide text is Unicode whatever the locale. A byte of a
 * path that is not UTF-8 is listed as U+DC80 to U+DCFF, in UTF-16 a low surrogate without
 * a high one, and understood so when the name comes back; a backslash inside a POSIX name
 * as U+F05C.
 *
 * MEMORY. Every list, and the output of CertSrvServerControl, belongs to the caller, who
 * releases it with CertSrvBackupFree() and nothing else. It outlives the handle it came
 * from. Out parameters are never read. On failure pointers and handles are NULL, sizes
 * and flags 0.
 *
 * ERRORS. Functions return S_OK or a failing HRESULT: a hr... code of ntdsbmsg.h, or
 * HRESULT_FROM_WIN32(code) of a Win32 code. Below, codes without "hr" mean the latter.
 * A failure also sets the thread's last error and a line naming file and reason:
 * backupapi_error_detail(). A call that succeeds leaves both alone. Errors that every
 * function has and that are not repeated below:
 *	ERROR_INVALID_PARAMETER		a required pointer is NULL, flags are unknown
 *	ERROR_INVALID_HANDLE		NULL, made up, ended, of the other kind, or
 *					another process's (so is a forked child's copy)
 *	ERROR_NOT_ENOUGH_MEMORY		or a list would be over 4 GiB
 *	ERROR_ACCESS_DENIED		file permissions; EACCES and EPERM always become
 *					this
 *	ERROR_NO_UNICODE_TRANSLATION	text given that is no Unicode: a character above
 *					U+10FFFF, or a surrogate alone (U+DC80 to U+DCFF
 *					are bytes of paths, see TEXT)
 *	hrDatabaseCorrupted, ERROR_IO_DEVICE, ERROR_DISK_FULL and others, as the system or
 *					the database engine reports them
 * Functions that take a server name also fail with
 *	RPC_S_SERVER_UNAVAILABLE	no such server; this host has none
 *	ERROR_INVALID_PARAMETER		this host is meant, and it has several
 *	ERROR_INVALID_NAME		not a server name at all
 *	RPC_S_INVALID_BINDING		configured as being on another machine
 *	ERROR_BAD_CONFIGURATION		its file is broken, or two files claim one name or
 *					database; the detail names file, line and reason
 *
 * THREADS. Any function may be called from any thread, with any handle. Calls on one
 * handle wait for each other; calls on different handles run in parallel. A handle
 * belongs to the process that made it: a forked child's copy is dead. The library
 * installs no signal handlers and changes neither umask, directory nor environment; its
 * descriptors are close-on-exec.
 *
 * BACKUP, IN ORDER
 *
 *	CertSrvIsServerOnline			may be asked first
 *	CertSrvBackupPrepare			freezes the state
 *	CertSrvBackupGetDatabaseNames		full backups only
 *	  for each: CertSrvBackupOpenFile, ...Read until it gives 0 bytes, ...Close
 *	CertSrvBackupGetBackupLogs		ends the database phase
 *	  for each: the same three
 *	CertSrvBackupGetDynamicFileList		at any time; those files the caller reads
 *						itself
 *	CertSrvBackupTruncateLogs		optional, once all is safely stored;
 *						records the backup
 *	CertSrvBackupEnd			records the backup if all of it was
 *						delivered
 *
 * What is allowed when: S is hrInvalidBackupSequence, H hrInvalidHandle, A hrAlreadyOpen,
 * N ERROR_FILE_NOT_FOUND:
 *
 *	state of the backup	Names	OpenFile	OpenFile  Read,  Get   Truncate
 *				 	a database	a log	  Close  Logs  Logs
 *	full, databases		 ok	 ok		 N	   H	  ok	S
 *	full, database open	 ok	 A		 A	   ok	  S	S
 *	full, logs listed	 S	 S		 ok	   H	  ok	ok or S
 *	full, log open		 S	 A		 A	   ok	  S	S
 *	incremental, at first	 S	 N		 N	   H	  ok	S
 *	incremental, logs listed S	 N		 ok	   H	  ok	ok or S
 *	incremental, log open	 S	 A		 A	   ok	  S	S
 *
 * GetDynamicFileList, RestoreGetDatabaseLocations and End are allowed in all of them.
 * TruncateLogs is S until the backup is complete: all lists asked for and every byte of
 * every listed file delivered.
 *
 * RESTORE, IN ORDER
 *
 *	CertSrvServerControl			to stop the service
 *	CertSrvRestorePrepare
 *	CertSrvRestoreGetDatabaseLocations	where the databases and logs are now
 *	CertSrvRestoreRegister			the full backup, then each incremental
 *	  the caller copies each file to backupapi_restore_staging_path(), where nothing
 *	  can start on it too early and from where recovery takes it; or straight to its
 *	  place
 *	CertSrvRestoreRegisterComplete		S_OK, or a failure to keep the service
 *						down
 *	CertSrvRestoreEnd
 *	backupapi_recover()			or simply start the service
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef _CERTBCLI_TYPECHECK
#undef __CERTBCLI_H__
#endif

#ifndef __CERTBCLI_H__
#define __CERTBCLI_H__

#include <backupapi/errors.h>
#include <backupapi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef _NO_W32_PSEUDO_MODIFIERS
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#endif

#ifndef RPC_STRING
#define RPC_STRING
#endif
#ifndef VOID
#define VOID void
#endif

#define CERTBCLI_CALL BACKUPAPI_CALL
#define CERTBCLI_API  BACKUPAPI_EXPORT CERTBCLI_CALL

/* Names of the two interfaces, for logs and messages; the wsz... forms follow UNICODE. */
#define szBACKUPANNOTATION   "Cert Server Backup Interface"
#define wszBACKUPANNOTATION  TEXT(szBACKUPANNOTATION)
#define szRESTOREANNOTATION  "Cert Server Restore Interface"
#define wszRESTOREANNOTATION TEXT(szRESTOREANNOTATION)

/* dwBackupFlags: exactly one of the first two. */
#define CSBACKUP_TYPE_FULL      0x00000001
#define CSBACKUP_TYPE_LOGS_ONLY 0x00000002 /* incremental */
#define CSBACKUP_TYPE_MASK      0x00000003

/* dwRestoreFlags: 0, _FULL or _CATCHUP; all mean the same here. _ONLINE is refused. */
#define CSRESTORE_TYPE_FULL          0x00000001
#define CSRESTORE_TYPE_ONLINE        0x00000002
#define CSRESTORE_TYPE_CATCHUP       0x00000004
#define CSRESTORE_TYPE_MASK          0x00000005

#define CSBACKUP_DISABLE_INCREMENTAL 0xffffffff

/* The tag in front of a listed name. */
typedef WCHAR CSBFT;

/* Bits that tags are made of. */
#define CSBFT_DIRECTORY          0x80
#define CSBFT_DATABASE_DIRECTORY 0x40
#define CSBFT_LOG_DIRECTORY      0x20

/* 0x21 '!', 0x82, 0x83, 0x44 'D', 0x25 and 0x0f. */
#define CSBFT_LOG                 ((CSBFT)(TEXT('\x01') | CSBFT_LOG_DIRECTORY))
#define CSBFT_LOG_DIR             ((CSBFT)(TEXT('\x02') | CSBFT_DIRECTORY))
#define CSBFT_CHECKPOINT_DIR      ((CSBFT)(TEXT('\x03') | CSBFT_DIRECTORY))
#define CSBFT_CERTSERVER_DATABASE ((CSBFT)(TEXT('\x04') | CSBFT_DATABASE_DIRECTORY))
#define CSBFT_PATCH_FILE          ((CSBFT)(TEXT('\x05') | CSBFT_LOG_DIRECTORY))
#define CSBFT_UNKNOWN             ((CSBFT)(TEXT('\x0f')))

/* A backup or a restore. A number dressed as a pointer: never dereferenced, never
 * reused. */
typedef void *HCSBC;

/* One database of a restore: its full name as saved with the backup, and the full name
 * that it is to have. Both UNC or POSIX, with or without tag; the caller's, read only. */
#ifndef CSEDB_RSTMAP
typedef struct tagCSEDB_RSTMAPW {
	WCHAR *pwszDatabaseName;
	WCHAR *pwszNewDatabaseName;
} CSEDB_RSTMAPW;

#define CSEDB_RSTMAP CSEDB_RSTMAPW
#endif

#define CertSrvIsServerOnline              CertSrvIsServerOnlineW
#define CertSrvBackupGetDynamicFileList    CertSrvBackupGetDynamicFileListW
#define CertSrvBackupPrepare               CertSrvBackupPrepareW
#define CertSrvBackupGetDatabaseNames      CertSrvBackupGetDatabaseNamesW
#define CertSrvBackupOpenFile              CertSrvBackupOpenFileW
#define CertSrvBackupGetBackupLogs         CertSrvBackupGetBackupLogsW
#define CertSrvRestoreGetDatabaseLocations CertSrvRestoreGetDatabaseLocationsW
#define CertSrvRestorePrepare              CertSrvRestorePrepareW
#define CertSrvRestoreRegister             CertSrvRestoreRegisterW
#define CertSrvServerControl               CertSrvServerControlW

/* ---- backup ---- */

/*
 * Is the server serving?
 *
 *	pwszServerName	the server; may be NULL
 *	pfServerOnline	receives 1 when it serves, 0 when it is suspended
 *
 * Either way S_OK. A server that is stopped is a failure:
 *	hrCouldNotConnect	the service is stopped
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVISSERVERONLINEW)(
	WCHAR const *pwszServerName, BOOL *pfServerOnline);
HRESULT CERTBCLI_API CertSrvIsServerOnlineW(WCHAR const *pwszServerName,
	BOOL *pfServerOnline) BACKUPAPI_TEXT(CertSrvIsServerOnlineW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVISSERVERONLINEW *pfnCertSrvIsServerOnline = CertSrvIsServerOnline;
#endif

/*
 * Lists the files that belong to the service but not to its database, such as CRLs and
 * certificates, as the configuration names them and as they exist now. Full names without
 * a tag. The caller reads them itself; CertSrvBackupOpenFile does not open them.
 *
 *	hbc		a backup, in any state
 *	ppwszzFileList	receives the list: CertSrvBackupFree()
 *	pcbSize		receives its size in bytes
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPGETDYNAMICFILELISTW)(
	HCSBC hbc, WCHAR **ppwszzFileList, DWORD *pcbSize);
HRESULT CERTBCLI_API CertSrvBackupGetDynamicFileListW(HCSBC hbc, WCHAR **ppwszzFileList,
	DWORD *pcbSize) BACKUPAPI_TEXT(CertSrvBackupGetDynamicFileListW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPGETDYNAMICFILELISTW *pfnCertSrvBackupGetDynamicFileList =
	CertSrvBackupGetDynamicFileList;
#endif

/*
 * Begins a backup: freezes one recoverable state of the store. Locks are held until
 * CertSrvBackupEnd, or until the process ends, however it ends.
 *
 *	pwszServerName	the server; may be NULL
 *	grbitJet	0
 *	dwBackupFlags	CSBACKUP_TYPE_FULL: all databases, and the logs that they need;
 *			CSBACKUP_TYPE_LOGS_ONLY: the logs since the last full backup, or
 *			since the last incremental one that truncated
 *	phbc		receives the handle: CertSrvBackupEnd()
 *
 *	hrCouldNotConnect		the service does not serve: stopped or suspended
 *	hrBackupInProgress		another backup of the store runs, in any process
 *	hrRestoreInProgress		a restore is registered and not yet recovered
 *	ERROR_NOT_SUPPORTED		this build lacks the store's database engine
 *	hrReadVerifyFailure, ERROR_BUSY	no consistent state within a bounded number of
 *					tries
 * incremental:
 *	hrCircularLogging		the store keeps no logs, or overwrites them
 *	hrMissingFullBackup		no full backup yet, or a restore since
 *	hrIncrementalBackupDisabled	forbidden through DsSetCurrentBackupLog
 *	hrLogFileNotFound		a log that is needed is gone
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPPREPAREW)(
	WCHAR const *pwszServerName, ULONG grbitJet, ULONG dwBackupFlags, HCSBC *phbc);
HRESULT CERTBCLI_API CertSrvBackupPrepareW(WCHAR const *pwszServerName, ULONG grbitJet,
	ULONG dwBackupFlags, HCSBC *phbc) BACKUPAPI_TEXT(CertSrvBackupPrepareW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPPREPAREW *pfnCertSrvBackupPrepare = CertSrvBackupPrepare;
#endif

/*
 * Lists the databases of a full backup, tagged CSBFT_CERTSERVER_DATABASE, in the order in
 * which they are best streamed.
 *
 *	hbc				a full backup
 *	ppwszzAttachmentInformation	receives the list: CertSrvBackupFree()
 *	pcbSize				receives its size in bytes
 *
 *	hrInvalidBackupSequence		incremental, or the logs were listed already
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPGETDATABASENAMESW)(
	HCSBC hbc, WCHAR **ppwszzAttachmentInformation, DWORD *pcbSize);
HRESULT CERTBCLI_API CertSrvBackupGetDatabaseNamesW(
	HCSBC hbc, WCHAR **ppwszzAttachmentInformation, DWORD *pcbSize)
	BACKUPAPI_TEXT(CertSrvBackupGetDatabaseNamesW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPGETDATABASENAMESW *pfnCertSrvBackupGetDatabaseNames =
	CertSrvBackupGetDatabaseNames;
#endif

/*
 * Opens one listed file for reading from its beginning. One file at a time.
 *
 *	hbc			a backup
 *	pwszAttachmentName	a database or log as this backup listed it, with or
 *				without tag
 *	cbReadHintSize		in bytes: about how much each read will ask for. It sizes
 *				buffers only; 0: the library's choice
 *	pliFileSize		receives how many bytes CertSrvBackupRead will give in all
 *
 *	ERROR_FILE_NOT_FOUND		not a name that this backup listed
 *	hrInvalidBackupSequence		a database, after the logs were listed
 *	hrAlreadyOpen			another file is open
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPOPENFILEW)(HCSBC hbc,
	WCHAR const *pwszAttachmentName, DWORD cbReadHintSize,
	LARGE_INTEGER *pliFileSize);
HRESULT CERTBCLI_API CertSrvBackupOpenFileW(HCSBC hbc, WCHAR const *pwszAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
	BACKUPAPI_TEXT(CertSrvBackupOpenFileW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPOPENFILEW *pfnCertSrvBackupOpenFile = CertSrvBackupOpenFile;
#endif

/*
 * Reads the next bytes of the open file straight into the caller's buffer. Fills the
 * buffer unless the file ends; at the end S_OK with 0 bytes, as often as it is asked.
 *
 *	hbc		a backup with an open file
 *	pvBuffer	the caller's; its content is undefined after a failure
 *	cbBuffer	its size in bytes, at least 1
 *	pcbRead		receives the number of bytes read
 *
 *	hrInvalidHandle		no file is open
 *	hrReadVerifyFailure	a page of the database is damaged; never handed out
 *	hrLogFileCorrupt	the log is damaged
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPREAD)(
	HCSBC hbc, VOID *pvBuffer, DWORD cbBuffer, DWORD *pcbRead);
HRESULT CERTBCLI_API CertSrvBackupRead(
	HCSBC hbc, VOID *pvBuffer, DWORD cbBuffer, DWORD *pcbRead);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPREAD *pfnCertSrvBackupRead = CertSrvBackupRead;
#endif

/*
 * Closes the open file. One that was not read to its end counts as not delivered; it can
 * be opened again.
 *
 *	hrInvalidHandle		no file is open
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPCLOSE)(HCSBC hbc);
HRESULT CERTBCLI_API CertSrvBackupClose(HCSBC hbc);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPCLOSE *pfnCertSrvBackupClose = CertSrvBackupClose;
#endif

/*
 * Lists the logs to save, tagged CSBFT_LOG, and ends the database phase: no database can
 * be opened after it. For a full backup those that recovery of its databases needs (none
 * for a store without logs: an empty list), for an incremental one all since its base.
 * The newest, unfinished log comes under a name of its own (`<log>.part-<length>`), so
 * that copies of different age do not overwrite each other.
 *
 *	hbc			a backup without an open file
 *	ppwszzBackupLogFiles	receives the list: CertSrvBackupFree()
 *	pcbSize			receives its size in bytes
 *
 *	hrInvalidBackupSequence		a file is open
 *	hrLogFileNotFound		a log that is needed is gone
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPGETBACKUPLOGSW)(
	HCSBC hbc, WCHAR **ppwszzBackupLogFiles, DWORD *pcbSize);
HRESULT CERTBCLI_API CertSrvBackupGetBackupLogsW(HCSBC hbc, WCHAR **ppwszzBackupLogFiles,
	DWORD *pcbSize) BACKUPAPI_TEXT(CertSrvBackupGetBackupLogsW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPGETBACKUPLOGSW *pfnCertSrvBackupGetBackupLogs = CertSrvBackupGetBackupLogs;
#endif

/*
 * Deletes, oldest first, the logs that neither recovery nor the next incremental backup
 * needs. Call it when everything is safely on the backup medium: before the first log goes
 * the backup is recorded durably, and stays so whatever comes then, a failure of this call
 * included. Where it cannot be recorded this fails and no log goes. S_OK and nothing done
 * for a store without logs.
 *
 *	hrInvalidBackupSequence		a file is open, or the backup is not complete
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPTRUNCATELOGS)(HCSBC hbc);
HRESULT CERTBCLI_API CertSrvBackupTruncateLogs(HCSBC hbc);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPTRUNCATELOGS *pfnCertSrvBackupTruncateLogs = CertSrvBackupTruncateLogs;
#endif

/*
 * Ends a backup and releases all that it held; the handle is gone whatever is returned. A
 * complete backup is recorded durably before this returns, unless truncating has done so
 * already: it is what incremental ones build on. An incomplete one is not recorded, and
 * ending it is S_OK. A caller whose own medium failed after everything was read ends with
 * backupapi_backup_abandon() instead. Fails where the record cannot be written; the backup
 * does not count then.
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVBACKUPEND)(HCSBC hbc);
HRESULT CERTBCLI_API CertSrvBackupEnd(HCSBC hbc);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPEND *pfnCertSrvBackupEnd = CertSrvBackupEnd;
#endif

/*
 * Releases a block that one of these returned: CertSrvBackupGetDatabaseNames,
 * CertSrvBackupGetBackupLogs, CertSrvBackupGetDynamicFileList,
 * CertSrvRestoreGetDatabaseLocations, CertSrvServerControl.
 *
 *	pv	the block; NULL does nothing
 *
 * Anything else that is not the start of a live block of this family (an address inside
 * one, one freed before, another family's, malloc's, the stack's, an unmapped address) is
 * refused without touching the memory behind it: the last error becomes
 * ERROR_INVALID_BLOCK, and the environment variable BACKUPAPI_INVALID_FREE or
 * backupapi_set_invalid_free_handler() decides what else happens. Limit: when an address
 * was handed out anew, a second free of the old block cannot be told from the right one.
 */
typedef VOID(CERTBCLI_CALL FNCERTSRVBACKUPFREE)(VOID *pv);
VOID CERTBCLI_API CertSrvBackupFree(VOID *pv);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVBACKUPFREE *pfnCertSrvBackupFree = CertSrvBackupFree;
#endif

/* ---- restore ---- */

/*
 * Lists where the store's files are, or would be: each database file, tagged
 * CSBFT_CERTSERVER_DATABASE, the log directory (CSBFT_LOG_DIR) and the system directory
 * (CSBFT_CHECKPOINT_DIR).
 *
 *	hbc				a restore or a backup
 *	ppwszzDatabaseLocationList	receives the list: CertSrvBackupFree()
 *	pcbSize				receives its size in bytes
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVRESTOREGETDATABASELOCATIONSW)(
	HCSBC hbc, WCHAR **ppwszzDatabaseLocationList, DWORD *pcbSize);
HRESULT CERTBCLI_API CertSrvRestoreGetDatabaseLocationsW(
	HCSBC hbc, WCHAR **ppwszzDatabaseLocationList, DWORD *pcbSize)
	BACKUPAPI_TEXT(CertSrvRestoreGetDatabaseLocationsW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVRESTOREGETDATABASELOCATIONSW *pfnCertSrvRestoreGetDatabaseLocations =
	CertSrvRestoreGetDatabaseLocations;
#endif

/*
 * Begins a restore. One live restore handle per store, across processes.
 *
 *	pwszServerName	the server; may be NULL
 *	dwRestoreFlags	0, CSRESTORE_TYPE_FULL or CSRESTORE_TYPE_CATCHUP
 *	phbc		receives the handle: CertSrvRestoreEnd()
 *
 *	ERROR_SERVICE_ALREADY_RUNNING	stop the service first
 *	ERROR_BUSY			the machine's clock was set back meanwhile
 *	hrRestoreInProgress		another restore handle of the store is alive, or a
 *					recovery runs
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVRESTOREPREPAREW)(
	WCHAR const *pwszServerName, ULONG dwRestoreFlags, HCSBC *phbc);
HRESULT CERTBCLI_API CertSrvRestorePrepareW(WCHAR const *pwszServerName,
	ULONG dwRestoreFlags, HCSBC *phbc) BACKUPAPI_TEXT(CertSrvRestorePrepareW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVRESTOREPREPAREW *pfnCertSrvRestorePrepare = CertSrvRestorePrepare;
#endif

/*
 * Registers a backup set that is being restored, durably: from here the service does not
 * start until recovery, across reboots. First the full set; then incremental ones, in
 * any order. Directories and names are UNC or POSIX, with or without tag. Files that were
 * staged for the same places before this restore was prepared are removed; those staged
 * since then stay. Where registering fails, an earlier registration stands.
 *
 *	hbc			a restore
 *	pwszCheckPointFilePath	the system directory; NULL: as configured
 *	pwszLogPath		the log directory; NULL: as configured
 *	rgrstmap		full: for each database its old and its new full name,
 *				equal where it does not move. Only those in the map are
 *				taken from their staging place; others are as they are.
 *				Entries that name a listed directory are ignored. NULL: an
 *				incremental set
 *	crstmap			number of entries; 0 where rgrstmap is NULL
 *	pwszBackupLogPath	the directory with the logs of this set; NULL where they
 *				are copied to the log directory, or where there are none
 *	genLow, genHigh		the set's generations, first and last, as the engine
 *				counts (backupapi_log_generation()); 0, 0: no logs
 *
 * CertSrvRestoreRegister needs root or the owner of the server's state_dir.
 * ...ThroughFile is the same for a user with write access to the store: its targets must
 * lie inside the configured directories, and recovery acts with that user's rights.
 *
 *	hrNoFullRestore			an incremental set before any full one, or after
 *					one that was completed with a failure
 *	hrRestoreMapExists		this handle registered a full set already. One
 *					that an earlier handle left behind is replaced
 *	ERROR_INVALID_PARAMETER		also: a count below 0 or without a map, genLow
 *					above genHigh or only one of them 0, a NULL name
 *					in the map, two databases mapped to one place, or
 *					a map that the engine cannot follow
 *	ERROR_INVALID_NAME		not an absolute name, "." or ".." in it, another
 *					server's
 *	ERROR_ACCESS_DENIED		also: another user's registration, or a target
 *					outside the configured directories
 *	ERROR_PATH_NOT_FOUND		through file: the configured engine is `auto`, and
 *					its database is missing, so that the registration
 *					has no certain place; or the store's directory is
 *	ERROR_INVALID_STATE		an incremental set, and recovery has begun without
 *					it; or a full one without a database that recovery
 *					of the former restore has begun on
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVRESTOREREGISTERW)(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh);
HRESULT CERTBCLI_API CertSrvRestoreRegisterW(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh) BACKUPAPI_TEXT(CertSrvRestoreRegisterW);
HRESULT CERTBCLI_API CertSrvRestoreRegisterThroughFile(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh) BACKUPAPI_TEXT(CertSrvRestoreRegisterThroughFile);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVRESTOREREGISTERW *pfnCertSrvRestoreRegister = CertSrvRestoreRegister;
#endif

/*
 * Says how the copying went. Any restore handle of the store may complete a registration,
 * also one whose maker died.
 *
 *	hbc		a restore
 *	hrRestoreState	S_OK (or any success): all files are in place, the next start or
 *			backupapi_recover() may recover. A failure: the service stays down
 *			until a good restore is registered and completed, or the
 *			registration is given up with backupapi_cancel_restore()
 *
 *	hrInvalidHandle		nothing is registered
 *	ERROR_INVALID_STATE	success, but this restore was completed with a failure
 *				before
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVRESTOREREGISTERCOMPLETE)(
	HCSBC hbc, HRESULT hrRestoreState);
HRESULT CERTBCLI_API CertSrvRestoreRegisterComplete(HCSBC hbc, HRESULT hrRestoreState);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVRESTOREREGISTERCOMPLETE *pfnCertSrvRestoreRegisterComplete =
	CertSrvRestoreRegisterComplete;
#endif

/* Ends a restore handle. A registration stands until it is recovered or cancelled. */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVRESTOREEND)(HCSBC hbc);
HRESULT CERTBCLI_API CertSrvRestoreEnd(HCSBC hbc);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVRESTOREEND *pfnCertSrvRestoreEnd = CertSrvRestoreEnd;
#endif

/* ---- the service ---- */

/* dwControlFlags */
#define CSCONTROL_SHUTDOWN 0x000000001
#define CSCONTROL_SUSPEND  0x000000002
#define CSCONTROL_RESTART  0x000000003

/*
 * Stops, suspends or restarts the service; returns when the state is reached. A state
 * that is already there is fine.
 *
 *	pwszServerName	the server; may be NULL
 *	dwControlFlags	CSCONTROL_SHUTDOWN: stop; CSCONTROL_SUSPEND: suspend;
 *			CSCONTROL_RESTART: make it serve afresh. A serving service is
 *			stopped and started, a stopped one started, and a suspended one,
 *			whose processes were never stopped, resumed. Starting and resuming
 *			recover a completed restore first
 *	pcbOut		may be NULL; receives the size in bytes of *ppbOut; 0 without
 *			ppbOut
 *	ppbOut		may be NULL; receives what the service manager printed, with a NUL
 *			behind it that *pcbOut does not count: CertSrvBackupFree(). NULL,
 *			and 0 for the size, where it printed nothing
 *
 *	ERROR_SERVICE_REQUEST_TIMEOUT	not reached in the configured time
 *	ERROR_INVALID_SERVICE_CONTROL	this service cannot be suspended or resumed
 *	hrRestoreInProgress		restart: a restore is registered and not completed
 */
typedef HRESULT(CERTBCLI_CALL FNCERTSRVSERVERCONTROLW)(
	WCHAR const *pwszServerName, DWORD dwControlFlags, DWORD *pcbOut, BYTE **ppbOut);
HRESULT CERTBCLI_API CertSrvServerControlW(
	WCHAR const *pwszServerName, DWORD dwControlFlags, DWORD *pcbOut, BYTE **ppbOut)
	BACKUPAPI_TEXT(CertSrvServerControlW);

#ifdef _CERTBCLI_TYPECHECK
FNCERTSRVSERVERCONTROLW *pfnCertSrvServerControl = CertSrvServerControl;
#endif

#ifdef __cplusplus
}
#endif
#endif
