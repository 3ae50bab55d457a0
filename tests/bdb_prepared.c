/*
 * bdb_prepared SERVER STATE HOME TARGET - a full backup, and what it must hold at least
 *
 * Copies what SERVER's store in HOME gives to the same places below TARGET, whose
 * directories are there. Prints the number in the first four bytes of STATE (bdb_writer's)
 * as it was when Prepare had returned: what was committed last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <backupapi/backupapi.h>
#include <certbcli.h>

enum { BUFFER_SIZE = 1 << 20, PATH_LIMIT = 4096 };

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bdb_prepared: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void check(HRESULT hr, const char *call)
{
	if (FAILED(hr))
		fail(call, backupapi_error_detail());
}

static uint32_t committed(const char *state)
{
	uint32_t number;
	int fd = open(state, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, &number, sizeof(number)) != sizeof(number))
		fail(state, "cannot be read");
	(void)close(fd);
	return number;
}

/* A log that is copied in part has its own name again. */
static FILE *create(const WCHAR *name, const char *home, const char *target)
{
	char *path = backupapi_path_from_name(name), copy[PATH_LIMIT];
	char *part = path ? strstr(path, ".part-") : NULL;
	FILE *f;

	if (!path || strncmp(path, home, strlen(home)) != 0)
		fail(home, "a file that is not below it");
	if (part)
		*part = '\0';
	(void)snprintf(copy, sizeof(copy), "%s%s", target, path + strlen(home));
	f = fopen(copy, "wxe");
	if (!f)
		fail(copy, strerror(errno));
	backupapi_free(path);
	return f;
}

static void save(HCSBC session, const WCHAR *name, FILE *copy)
{
	static char buffer[BUFFER_SIZE];
	LARGE_INTEGER size;
	DWORD got;

	check(CertSrvBackupOpenFileW(session, name, sizeof(buffer), &size), "open");
	do {
		check(CertSrvBackupRead(session, buffer, sizeof(buffer), &got), "read");
		if (fwrite(buffer, 1, got, copy) != got)
			fail("copy", strerror(errno));
	} while (got);
	check(CertSrvBackupClose(session), "close");
	if (fclose(copy) != 0)
		fail("copy", strerror(errno));
}

static void save_all(HCSBC session, WCHAR *names, const char *home, const char *target)
{
	for (const WCHAR *name = names; *name; name += wcslen(name) + 1)
		save(session, name, create(name, home, target));
	CertSrvBackupFree(names);
}

int main(int argc, char *argv[])
{
	WCHAR server[100], *names;
	uint32_t number;
	HCSBC session;
	DWORD bytes;

	if (argc != 5 || swprintf(server, 100, L"%s", argv[1]) < 0)
		return 2;
	check(CertSrvBackupPrepareW(server, 0, CSBACKUP_TYPE_FULL, &session), "prepare");
	number = committed(argv[2]);
	check(CertSrvBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	save_all(session, names, argv[3], argv[4]);
	check(CertSrvBackupGetBackupLogsW(session, &names, &bytes), "logs");
	save_all(session, names, argv[3], argv[4]);
	check(CertSrvBackupEnd(session), "end");
	(void)printf("%u\n", number);
	return EXIT_SUCCESS;
}
