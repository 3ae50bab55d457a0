/* Serial numbers are strings of hexadecimal digits: they have up to 160 bits. */
#include "engine/flat_ca.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ca_cert.h"
#include "engine/ca_index.h"

enum {
	SERIAL_FILE_SIZE = 256,
	SERIAL_SIZE = SERIAL_FILE_SIZE,
	CERT_FILE_SIZE = 1 << 20, /* far above any certificate with its text */
	HEAD_SIZE = 64,
};

static const char HEX_CAPITALS[] = "0123456789ABCDEF";
static const char CERT_SUFFIX[] = ".pem";

/* One index and what is listed with it. */
struct directory {
	const struct names *paths;
	const struct flat_ca_source *source;
	size_t index_file;
	size_t length; /* of the directory's path, with the slash at its end */
	struct ca_index index;
};

/* One file of the list, as ca_index_load reads it. */
struct one_file {
	const struct flat_ca_source *source;
	size_t file;
};

static status read_one(
	void *context, uint64_t offset, void *buffer, size_t size, size_t *got)
{
	const struct one_file *one = context;

	return one->source->read(
		one->source->context, one->file, offset, buffer, size, got);
}

/* ---- names ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t length = strlen(s), want = strlen(suffix);

	return length >= want && strcmp(s + length - want, suffix) == 0;
}

/* The number of PATH in the list, or its count. */
static size_t find_path(const struct names *paths, const char *path)
{
	size_t low = 0, high = paths->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(paths->items[middle], path);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return paths->count;
}

/* *FILE: the number of NAME in the index's own directory, or the list's count. */
static status find_beside(const struct directory *dir, const char *name, size_t *file)
{
	char *path;

	if (asprintf(&path, "%.*s%s", (int)dir->length,
		    dir->paths->items[dir->index_file], name) < 0)
		return status_no_memory();
	*file = find_path(dir->paths, path);
	free(path);
	return STATUS_OK;
}

/* Is NAME what openssl calls a certificate file? The digits go to SERIAL. */
static bool is_cert_name(const char *name, char serial[SERIAL_SIZE])
{
	size_t digits = strspn(name, HEX_CAPITALS);

	if (digits == 0 || digits % 2 || digits >= SERIAL_SIZE ||
		strcmp(name + digits, CERT_SUFFIX) != 0)
		return false;
	memcpy(serial, name, digits);
	serial[digits] = '\0';
	return true;
}

/* ---- serial files ---- */

/* The first line, as openssl reads it: an even number of digits. */
static status read_serial(
	const struct directory *dir, size_t file, char serial[SERIAL_SIZE])
{
	char text[SERIAL_FILE_SIZE];
	size_t got, digits;
	status rc = dir->source->read(
		dir->source->context, file, 0, text, sizeof(text) - 1, &got);

	if (failed(rc))
		return rc;
	text[got] = '\0';
	digits = strspn(text, "0123456789abcdefABCDEF");
	if (digits == 0 || digits % 2 || !strchr(" \t\r\n", text[digits]))
		return status_fail(hrDatabaseCorrupted, "%s: no serial number in it",
			dir->paths->items[file]);
	for (size_t i = 0; i < digits; i++)
		serial[i] = (char)toupper((unsigned char)text[i]);
	serial[digits] = '\0';
	return STATUS_OK;
}

/* One less, with an even number of digits, in place; false for zero. */
static bool decrement(char *serial)
{
	char *p = serial + strlen(serial);

	while (p > serial && p[-1] == '0')
		*--p = 'F';
	if (p == serial)
		return false;
	p[-1] = HEX_CAPITALS[strchr(HEX_CAPITALS, p[-1]) - HEX_CAPITALS - 1];
	while (strncmp(serial, "00", 2) == 0 && serial[2])
		memmove(serial, serial + 2, strlen(serial + 2) + 1);
	return true;
}

/* ---- certificate files ---- */

static bool is_index_name(const char *path)
{
	return strcmp(base_name(path), "index.txt") == 0;
}

/* Is PATH below the directory of the index, and of no index that is nearer? */
static bool belongs_here(const struct directory *dir, const char *path)
{
	const char *index = dir->paths->items[dir->index_file];

	if (strncmp(path, index, dir->length) != 0)
		return false;
	for (size_t i = 0; i < dir->paths->count; i++) {
		const char *other = dir->paths->items[i];
		size_t length = (size_t)(base_name(other) - other);

		if (is_index_name(other) && length > dir->length &&
			strncmp(path, other, length) == 0)
			return false;
	}
	return true;
}

static bool named_for_certs(const char *path, size_t length)
{
	static const char *const names[] = {"/newcerts/", "/certs_by_serial/"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t size = strlen(names[i]);

		if (length >= size && memcmp(path + length - size, names[i], size) == 0)
			return true;
	}
	return false;
}

/* Is the directory of PATH one that openssl writes certificate files to? */
static bool in_cert_dir(const struct directory *dir, const char *path)
{
	size_t length = (size_t)(base_name(path) - path);
	char serial[SERIAL_SIZE];

	if (named_for_certs(path, length))
		return true;
	for (size_t i = 0; i < dir->paths->count; i++) {
		const char *other = dir->paths->items[i];

		if (strncmp(other, path, length) == 0 &&
			is_cert_name(other + length, serial) &&
			ca_index_contains(&dir->index, serial))
			return true;
	}
	return false;
}

/* What cannot be read as a certificate has not expired, as far as we know. */
static status has_expired(const struct directory *dir, size_t file, bool *expired)
{
	struct ca_cert cert;
	char *text = malloc(CERT_FILE_SIZE);
	size_t got;
	status rc;

	*expired = false;
	if (!text)
		return status_no_memory();
	rc = dir->source->read(dir->source->context, file, 0, text, CERT_FILE_SIZE, &got);
	if (!failed(rc) && ca_cert_parse(text, got, &cert))
		*expired = cert.not_after < (int64_t)time(NULL);
	free(text);
	return rc;
}

static status refuse_unknown(
	const struct directory *dir, size_t file, const char *counter)
{
	const char *path = dir->paths->items[file];
	bool expired;
	status rc;

	if (!belongs_here(dir, path) || !in_cert_dir(dir, path))
		return STATUS_OK;
	rc = has_expired(dir, file, &expired);
	if (failed(rc) || expired)
		return rc;
	return status_fail(hrDatabaseInconsistent,
		"%s: issued, according to %s, but %s does not know it: openssl ca was "
		"interrupted "
		"between its renames",
		path, counter, dir->paths->items[dir->index_file]);
}

/* ISSUED is the last serial number that COUNTER (a file name) has given away. */
static status check_issued(
	const struct directory *dir, const char *issued, const char *counter)
{
	char serial[SERIAL_SIZE];
	status rc = STATUS_OK;

	if (ca_index_contains(&dir->index, issued))
		return STATUS_OK;
	for (size_t i = 0; i < dir->paths->count && !failed(rc); i++)
		if (is_cert_name(base_name(dir->paths->items[i]), serial) &&
			strcmp(serial, issued) == 0)
			rc = refuse_unknown(dir, i, counter);
	return rc;
}

/* ---- the rules ---- */

static status check_next(const struct directory *dir, size_t file)
{
	char serial[SERIAL_SIZE];
	status rc = read_serial(dir, file, serial);

	if (failed(rc))
		return rc;
	if (ca_index_contains(&dir->index, serial))
		return status_fail(hrDatabaseInconsistent,
			"%s: the next serial number %s is already in %s: the two are of "
			"different age",
			dir->paths->items[file], serial,
			dir->paths->items[dir->index_file]);
	return decrement(serial) ? check_issued(dir, serial, "serial") : STATUS_OK;
}

static status check_serial_files(const struct directory *dir)
{
	char serial[SERIAL_SIZE];
	size_t file;
	status rc = find_beside(dir, "serial", &file);

	if (failed(rc))
		return rc;
	if (file < dir->paths->count)
		return check_next(dir, file);
	rc = find_beside(dir, "serial.old", &file);
	if (failed(rc) || file == dir->paths->count)
		return rc;
	rc = read_serial(dir, file, serial);
	return failed(rc) ? rc : check_issued(dir, serial, "serial.old");
}

static status check_index(
	const struct names *paths, const struct flat_ca_source *source, size_t file)
{
	const char *path = paths->items[file];
	struct one_file one = {.source = source, .file = file};
	struct directory dir = {
		.paths = paths,
		.source = source,
		.index_file = file,
		.length = (size_t)(base_name(path) - path),
	};
	status rc = ca_index_load(path, read_one, &one, &dir.index);

	if (!failed(rc))
		rc = check_serial_files(&dir);
	ca_index_free(&dir.index);
	return rc;
}

/* Former states that openssl keeps beside the present one are nobody's index. */
static status is_index(const struct names *paths, const struct flat_ca_source *source,
	size_t file, bool *index)
{
	const char *path = paths->items[file];
	char head[HEAD_SIZE], serial[SERIAL_SIZE];
	size_t got;
	status rc;

	*index = is_index_name(path);
	if (*index || has_suffix(path, ".old") || is_cert_name(base_name(path), serial))
		return STATUS_OK;
	rc = source->read(source->context, file, 0, head, sizeof(head), &got);
	if (!failed(rc))
		*index = ca_index_begins(head, got);
	return rc;
}

/* PATH is index.txt with a suffix: is index.txt itself there? */
static status check_companion(const struct names *paths, const char *path)
{
	static const char *const suffixes[] = {"index.txt.attr", "index.txt.old"};
	char *index;
	status rc = STATUS_OK;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(base_name(path), suffixes[i]) != 0)
			continue;
		if (asprintf(&index, "%.*sindex.txt", (int)(base_name(path) - path),
			    path) < 0)
			return status_no_memory();
		if (find_path(paths, index) == paths->count)
			rc = status_fail(hrDatabaseInconsistent,
				"%s: missing, but %s is there: openssl ca was "
				"interrupted between its renames",
				index, path);
		free(index);
	}
	return rc;
}

/* FOUND counts what is an index. */
static status check_if_index(const struct names *paths,
	const struct flat_ca_source *source, size_t i, size_t *found)
{
	bool index;
	status rc = is_index(paths, source, i, &index);

	if (failed(rc) || !index)
		return rc;
	++*found;
	return check_index(paths, source, i);
}

status flat_ca_check(const struct names *paths, const struct flat_ca_source *source)
{
	size_t found = 0;
	status rc = STATUS_OK;

	for (size_t i = 0; i < paths->count && !failed(rc); i++) {
		rc = check_companion(paths, paths->items[i]);
		if (!failed(rc))
			rc = check_if_index(paths, source, i, &found);
	}
	return rc;
}

status flat_ca_check_file(
	const char *path, const struct flat_ca_source *source, bool *index)
{
	char *item = strdup(path);
	const struct names one = {.items = &item, .count = 1, .capacity = 1};
	size_t found = 0;
	status rc = item ? check_if_index(&one, source, 0, &found) : status_no_memory();

	free(item);
	*index = found > 0;
	return rc;
}
