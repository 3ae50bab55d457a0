/* A backup program whose medium is slow: reads the databases of SERVER at so many KiB a
 * second, throws them away, and gives up after so many seconds. Prints how much it got. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

#include <backupapi/backupapi.h>
#include <certbcli.h>

enum { PORTION = 16 << 10, NAME_LIMIT = 100 };

static void check(HRESULT hr, const char *call)
{
	if (!FAILED(hr))
		return;
	(void)fprintf(stderr, "slow_reader: %s: %s: %s\n", call, backupapi_error_name(hr),
		backupapi_error_detail());
	exit(EXIT_FAILURE);
}

static void read_slowly(HCSBC session, const WCHAR *name, long kib, long seconds)
{
	static char buffer[PORTION];
	const struct timespec pause = {.tv_nsec = PORTION / 1024 * 1000000000L / kib};
	long total = 0, limit = kib * 1024 * seconds;
	LARGE_INTEGER size;
	DWORD got = 0;

	check(CertSrvBackupOpenFileW(session, name, PORTION, &size), "open");
	do {
		check(CertSrvBackupRead(session, buffer, PORTION, &got), "read");
		total += (long)got;
		(void)nanosleep(&pause, NULL);
	} while (got && total < limit);
	check(CertSrvBackupClose(session), "close");
	(void)printf("%ld\n", total);
}

int main(int argc, char *argv[])
{
	WCHAR server[NAME_LIMIT], *names;
	HCSBC session;
	DWORD bytes;

	if (argc != 4 || swprintf(server, NAME_LIMIT, L"%s", argv[1]) < 0)
		return 2;
	check(CertSrvBackupPrepareW(server, 0, CSBACKUP_TYPE_FULL, &session), "prepare");
	check(CertSrvBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	read_slowly(session, names, atol(argv[2]), atol(argv[3]));
	CertSrvBackupFree(names);
	check(CertSrvBackupEnd(session), "end");
	return EXIT_SUCCESS;
}
