#include "bench_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

void bench_server(const char *name, const char *engine, const char *database)
{
	char path[4300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.conf", bench_dir(), name);
	f = fopen(path, "w");
	if (!f ||
		fprintf(f,
			"[server]\nname = %s\nfamily = certsrv\nfamily = ds\nstate_dir = %s/state-%s\n"
			"[store]\nengine = %s\ndatabase = %s\n",
			name, bench_dir(), name, engine, database) < 0 ||
		fclose(f))
		bench_fail(path, strerror(errno));
	if (setenv("BACKUPAPI_CONFIG_DIR", bench_dir(), 1))
		bench_fail("setenv", strerror(errno));
}

void bench_check(HRESULT hr, const char *call)
{
	if (!FAILED(hr))
		return;
	(void)fprintf(
		stderr, "%s: %s\n", backupapi_error_name(hr), backupapi_error_detail());
	bench_fail(call, "failed");
}
