/* Preloaded into openssl by test_flat_openssl: kills it ahead of the rename that
 * CA_INTERRUPT_AT counts, from 1. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int rename(const char *from, const char *to)
{
	static long count;
	const char *at = getenv("CA_INTERRUPT_AT");

	if (at && ++count == strtol(at, NULL, 10))
		(void)kill(getpid(), SIGKILL);
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
