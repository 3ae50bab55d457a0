#include "ese_samples.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ese_store.h"

enum { SKIPPED = 77 };

static const char *samples_dir(void)
{
	const char *set = getenv("BACKUPAPI_ESE_SAMPLES");

	return set ? set : ESE_SAMPLES;
}

int ese_samples_missing(void)
{
	const char *set = getenv("BACKUPAPI_TEST_NO_SKIP");
	const bool forbidden = set && strcmp(set, "1") == 0;
	struct stat st;

	if (stat(samples_dir(), &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	(void)printf("%s: there are no sample files in %s\n",
		forbidden ? "cannot be skipped" : "skipped", samples_dir());
	return forbidden ? EXIT_FAILURE : SKIPPED;
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
	const size_t length = strlen(name);
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", samples_dir(), name);
	if (length > 3 && strcmp(name + length - 3, ".gz") == 0)
		return unpack(path, size);
	return ese_store_read(path, size);
}

void ese_samples_write_log(const char *database, uint32_t generation, const char *path)
{
	const struct ese_store_log log = {
		.generation = generation, .major = 8, .used = 14, .seed = 7};
	uint8_t *data = malloc(ESE_STORE_LOG_SIZE);
	size_t size;
	uint8_t *header = ese_samples_read(database, &size);

	if (!data)
		abort();
	(void)ese_store_log(data, &log);
	memcpy(data + 16, header + 348, 8);  /* when it was made */
	memcpy(data + 44, header + 108, 28); /* the signature */
	ese_store_seal(data, 4096);
	ese_store_write(path, data, ESE_STORE_LOG_SIZE);
	free(header);
	free(data);
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
