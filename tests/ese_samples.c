#include "ese_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ese_store.h"

const char *ese_samples_dir(void)
{
	const char *set = getenv("BACKUPAPI_ESE_SAMPLES");
	const char *dir = set ? set : ESE_SAMPLES;
	struct stat st;

	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return dir;
	(void)printf("skipped: there are no sample files in %s\n", dir);
	return NULL;
}

static uint8_t *unpack(const char *path, size_t *size)
{
	char command[4200];
	size_t capacity = 1 << 20, got;
	uint8_t *data = malloc(capacity);
	FILE *f;

	(void)snprintf(command, sizeof(command), "exec gzip -dc '%s'", path);
	f = popen(command, "re");
	*size = 0;
	while (f && data && (got = fread(data + *size, 1, capacity - *size, f)) > 0) {
		*size += got;
		if (*size == capacity)
			data = realloc(data, capacity *= 2);
	}
	if (!f || !data || pclose(f) != 0) {
		(void)fprintf(stderr, "ese_samples: %s: cannot be unpacked\n", path);
		abort();
	}
	return data;
}

uint8_t *ese_samples_read(const char *name, size_t *size)
{
	const char *dir = ese_samples_dir();
	const size_t length = strlen(name);
	char path[4096];

	if (!dir)
		abort();
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
		return unpack(path, size);
	return ese_store_read(path, size);
}

void ese_samples_copy(const char *name, const char *dir, const char *as)
{
	char path[4096];
	size_t size;
	uint8_t *data = ese_samples_read(name, &size);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, as);
	ese_store_write(path, data, size);
	free(data);
}
