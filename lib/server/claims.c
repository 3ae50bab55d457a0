/*
 * claims.c - what several configuration files claim at once
 *
 * Every claim is a key: a name within a family, a database by its path and, so that links
 * are seen through, by its inode, a state_dir. Sorted, equal ones are neighbours. Globs
 * have no such order: each is compared with all databases of other files, by what it can
 * match and not by what is there now, since a file that appears later belongs to both. A
 * store that is a directory has all that lies below it, now or later.
 */
#include "server/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "server/path.h"

struct claim {
	char *key;        /* equal keys: the same thing */
	const char *kind; /* in words, for the message */
	const char *what; /* as the file has it */
	size_t entry;     /* index in the catalog */
	char *path; /* of a database, links of its directory seen through; else NULL */
	bool directory; /* PATH is a store's, with all below it */
};

struct claims {
	struct claim *items;
	size_t count, capacity;
};

/* Takes KEY over; a NULL one means that memory ran short. */
static status add(struct claims *claims, char *key, const char *kind, const char *what,
	size_t entry)
{
	if (key && claims->count == claims->capacity) {
		size_t capacity = claims->capacity ? 2 * claims->capacity : 64;
		struct claim *items =
			realloc(claims->items, capacity * sizeof(*claims->items));

		if (!items) {
			free(key);
			return status_no_memory();
		}
		claims->items = items;
		claims->capacity = capacity;
	}
	if (!key)
		return status_no_memory();
	claims->items[claims->count++] =
		(struct claim){.key = key, .kind = kind, .what = what, .entry = entry};
	return STATUS_OK;
}

static char *make_key(const char *kind, const char *what)
{
	char *key;

	return asprintf(&key, "%s %s", kind, what) < 0 ? NULL : key;
}

static status add_path(
	struct claims *claims, const char *kind, const char *path, size_t entry)
{
	struct stat st;
	char *key;
	status rc = add(claims, make_key(kind, path), kind, path, entry);

	if (failed(rc) || path_is_glob(path) || stat(path, &st) != 0)
		return rc;
	if (asprintf(&key, "%s\n%llu %llu", kind, (unsigned long long)st.st_dev,
		    (unsigned long long)st.st_ino) < 0)
		key = NULL;
	return add(claims, key, kind, path, entry);
}

/* What follows the directory that holds PATH, or all that PATH can match, stays as it is;
 * so does what cannot be reached. A new string. */
static char *see_through(const char *path)
{
	char *parent = path_parent(path), *real, *seen = NULL;
	const char *rest;

	if (!parent)
		return NULL;
	rest = parent[1] ? path + strlen(parent) : path;
	real = realpath(parent, NULL);
	if (!real && errno != ENOMEM)
		seen = strdup(path);
	else if (real && asprintf(&seen, "%s%s", real[1] ? real : "", rest) < 0)
		seen = NULL;
	free(real);
	free(parent);
	return seen;
}

static status add_database(struct claims *claims, const struct store_config *store,
	const char *path, size_t entry)
{
	size_t at = claims->count;
	status rc = add_path(claims, "database", path, entry);
	char *real = NULL;

	if (failed(rc))
		return rc;
	claims->items[at].directory = config_is_directory(store, path);
	if (claims->items[at].directory)
		real = realpath(path, NULL);
	claims->items[at].path = real ? real : see_through(path);
	return claims->items[at].path ? STATUS_OK : status_no_memory();
}

static void lower(char *s)
{
	for (; s && *s; s++)
		*s = text_fold(*s);
}

static status add_name(
	struct claims *claims, unsigned families, const char *name, size_t entry)
{
	static const struct {
		unsigned family;
		const char *kind;
	} kinds[] = {{FAMILY_CERTSRV, "certsrv name"}, {FAMILY_DS, "ds name"}};
	status rc = STATUS_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !failed(rc); i++) {
		char *key;

		if (!(families & kinds[i].family))
			continue;
		key = make_key(kinds[i].kind, name);
		lower(key);
		rc = add(claims, key, kinds[i].kind, name, entry);
	}
	return rc;
}

static status add_names(struct claims *claims, const struct server *server, size_t entry)
{
	status rc = add_name(claims, server->families, server->name, entry);

	for (size_t i = 0; i < server->aliases.count && !failed(rc); i++)
		rc = add_name(claims, server->families, server->aliases.items[i], entry);
	return rc;
}

/* Paths of another machine say nothing about those of this one. */
static status add_paths(struct claims *claims, const struct server *server, size_t entry)
{
	const struct names *databases = &server->store.databases;
	status rc = STATUS_OK;

	if (!catalog_is_local(server))
		return STATUS_OK;
	for (size_t i = 0; i < databases->count && !failed(rc); i++)
		rc = add_database(claims, &server->store, databases->items[i], entry);
	return failed(rc) ? rc : add_path(claims, "state_dir", server->state_dir, entry);
}

static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int order = strcmp(a->key, b->key);

	return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

static status note(struct catalog_entry *entry, const char *problem)
{
	if (!entry->problem)
		entry->problem = strdup(problem);
	return entry->problem ? STATUS_OK : status_no_memory();
}

static char *describe(const char *first, const char *second, const struct claim *a,
	const struct claim *b)
{
	char *problem;
	int length;

	if (!a->path || !b->path || strcmp(a->what, b->what) == 0)
		length = asprintf(&problem, "%s and %s: both claim the %s %s", first,
			second, a->kind, a->what);
	else if (a->directory || b->directory)
		length = asprintf(&problem,
			"%s and %s: of the databases %s and %s one lies in the directory "
			"that is the other",
			first, second, a->what, b->what);
	else
		length = asprintf(&problem,
			"%s and %s: the databases %s and %s may be the same file", first,
			second, a->what, b->what);
	return length < 0 ? NULL : problem;
}

/* Both get the same words. */
static status refuse(
	struct catalog *catalog, const struct claim *a, const struct claim *b)
{
	struct catalog_entry *first = &catalog->items[a->entry];
	struct catalog_entry *second = &catalog->items[b->entry];
	char *problem = describe(first->server->file, second->server->file, a, b);
	status rc;

	if (!problem)
		return status_no_memory();
	rc = note(first, problem);
	if (!failed(rc))
		rc = note(second, problem);
	free(problem);
	return rc;
}

static status compare_neighbours(struct catalog *catalog, const struct claims *claims)
{
	status rc = STATUS_OK;

	for (size_t i = 1; i < claims->count && !failed(rc); i++) {
		const struct claim *a = &claims->items[i - 1], *b = a + 1;

		if (a->entry != b->entry && strcmp(a->key, b->key) == 0)
			rc = refuse(catalog, a, b);
	}
	return rc;
}

/* Where PATH's component ends that has the depth of DIR's last; PATH's own end where it has
 * fewer. */
static size_t depth_end(const char *dir, const char *path)
{
	size_t end = 0;

	for (const char *at = dir; *at && path[end]; at += strcspn(at, "/")) {
		at += strspn(at, "/");
		if (!*at)
			break;
		end += strspn(path + end, "/");
		end += strcspn(path + end, "/");
	}
	return end;
}

/* Can PATH, which may be a glob, be DIR or something below it? */
static status is_below(const char *dir, const char *path, bool *below)
{
	char *above = strndup(path, depth_end(dir, path));
	status rc = above ? path_overlap(dir, above, below) : status_no_memory();

	free(above);
	return rc;
}

static status compare_with_all(
	struct catalog *catalog, const struct claims *claims, const struct claim *wide)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < claims->count && !failed(rc); i++) {
		const struct claim *other = &claims->items[i];
		bool overlap;

		if (!other->path || other->entry == wide->entry)
			continue;
		rc = wide->directory ? is_below(wide->path, other->path, &overlap)
				     : path_overlap(wide->path, other->path, &overlap);
		if (!failed(rc) && overlap)
			rc = wide->entry < other->entry ? refuse(catalog, wide, other)
							: refuse(catalog, other, wide);
	}
	return rc;
}

/* What stands for more than one file. */
static status compare_wide(struct catalog *catalog, const struct claims *claims)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < claims->count && !failed(rc); i++) {
		const struct claim *claim = &claims->items[i];

		if (claim->path && (claim->directory || path_is_glob(claim->what)))
			rc = compare_with_all(catalog, claims, claim);
	}
	return rc;
}

status catalog_compare(struct catalog *catalog)
{
	struct claims claims = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < catalog->count && !failed(rc); i++) {
		if (catalog->items[i].broken)
			continue;
		rc = add_names(&claims, catalog->items[i].server, i);
		if (!failed(rc))
			rc = add_paths(&claims, catalog->items[i].server, i);
	}
	if (!failed(rc) && claims.count) {
		qsort(claims.items, claims.count, sizeof(*claims.items), compare_claims);
		rc = compare_neighbours(catalog, &claims);
	}
	if (!failed(rc))
		rc = compare_wide(catalog, &claims);
	for (size_t i = 0; i < claims.count; i++) {
		free(claims.items[i].key);
		free(claims.items[i].path);
	}
	free(claims.items);
	return rc;
}
