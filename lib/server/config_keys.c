/*
 * config_keys.c - the table of keys, and how each kind of value is checked and kept
 *
 * A setter gets the field of struct server that the table names for the key; that of
 * `share` is the server itself, for a share is two fields of it.
 */
#include "server/config_keys.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/command_line.h"
#include "server/host.h"
#include "server/path.h"

const char config_no_memory[] = "out of memory";

static const char *const engines[] = {
	"auto", "flat", "sqlite", "bdb", "lmdb", "tdb", "ese"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *keep(char **field, char *copy)
{
	*field = copy;
	return copy ? NULL : config_no_memory;
}

static const char *append(struct names *list, char *copy)
{
	return failed(names_take(list, copy)) ? config_no_memory : NULL;
}

static bool has_control_character(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return true;
	return false;
}

static const char *set_host_name(void *field, const char *value)
{
	if (!host_name_valid(value))
		return "only letters, digits, dashes and dots (the first a letter or "
		       "digit), "
		       "at most 255, make a name";
	return keep(field, strdup(value));
}

static const char *add_host_name(void *field, const char *value)
{
	char *name = NULL;
	const char *reason = set_host_name(&name, value);

	return reason ? reason : append(field, name);
}

static const char *set_family(void *field, const char *value)
{
	unsigned *families = field;
	unsigned family = 0;

	if (strcmp(value, "certsrv") == 0)
		family = FAMILY_CERTSRV;
	else if (strcmp(value, "ds") == 0)
		family = FAMILY_DS;
	else
		return "neither certsrv nor ds";
	if (*families & family)
		return "given twice";
	*families |= family;
	return NULL;
}

static const char *set_authority(void *field, const char *value)
{
	if (strpbrk(value, "/\\"))
		return "has a separator in it";
	if (has_control_character(value))
		return "has a control character in it";
	return keep(field, strdup(value));
}

static const char *set_path(void *field, const char *value)
{
	const char *reason = path_refused(value);

	return reason ? reason : keep(field, path_tidy(value));
}

static const char *add_pattern(void *field, const char *value)
{
	const char *reason = path_refused(value);

	if (reason)
		return reason;
	return append(field, path_is_glob(value) ? strdup(value) : path_tidy(value));
}

/* Is VALUE one of the two words? *FIELD: the second of them. */
static bool set_either(bool *field, const char *value, const char *no, const char *yes)
{
	*field = strcmp(value, yes) == 0;
	return *field || strcmp(value, no) == 0;
}

static const char *set_names(void *field, const char *value)
{
	return set_either(field, value, "unc", "posix") ? NULL : "neither unc nor posix";
}

static const char *set_verify(void *field, const char *value)
{
	return set_either(field, value, "fail", "report") ? NULL
							  : "neither fail nor report";
}

static const char *set_yes_no(void *field, const char *value)
{
	return set_either(field, value, "no", "yes") ? NULL : "neither yes nor no";
}

static const char *check_share_name(const struct server *server, const char *name)
{
	if (*name == '\0' || strpbrk(name, "/\\"))
		return "no name of a share stands before the =";
	if (has_control_character(name))
		return "has a control character in the share's name";
	if (text_compare_nocase(name, UNC_ROOT_SHARE) == 0)
		return "posix$ is the share of the whole file system";
	for (size_t i = 0; i < server->share_count; i++)
		if (text_compare_nocase(name, server->shares[i].name) == 0)
			return "a share of this name is there already";
	return NULL;
}

/* Room for one more; the array doubles whenever the count reaches a power of two. */
static bool grow_shares(struct server *server)
{
	size_t count = server->share_count;
	struct unc_share *shares = server->shares;

	if (count & (count - 1))
		return true;
	shares = realloc(shares, (count ? 2 * count : 1) * sizeof(*shares));
	if (shares)
		server->shares = shares;
	return shares != NULL;
}

/* Takes NAME over. */
static const char *add_share_name(struct server *server, char *name, const char *path)
{
	const char *reason = check_share_name(server, name);
	char *tidy = NULL;

	if (!reason)
		reason = set_path(&tidy, path);
	if (!reason && !grow_shares(server))
		reason = config_no_memory;
	if (reason) {
		free(name);
		free(tidy);
		return reason;
	}
	server->shares[server->share_count++] = (struct unc_share){name, tidy};
	return NULL;
}

static const char *add_share(void *field, const char *value)
{
	const char *equals = strchr(value, '=');
	const char *end = equals;
	char *name;

	if (!equals)
		return "not of the form name=/directory";
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	name = strndup(value, (size_t)(end - value));
	if (!name)
		return config_no_memory;
	return add_share_name(field, name, equals + 1 + strspn(equals + 1, " \t"));
}

static const char *set_engine(void *field, const char *value)
{
	for (size_t i = 0; i < COUNT(engines); i++)
		if (strcmp(value, engines[i]) == 0)
			return keep(field, strdup(value));
	return "none of auto, flat, sqlite, bdb, lmdb, tdb, ese";
}

static const char *set_log_base(void *field, const char *value)
{
	if (strlen(value) != 3 || strchr(value, '.') || !host_name_valid(value))
		return "not a base name of three letters or digits";
	return keep(field, strdup(value));
}

static const char *set_number(unsigned *field, const char *value, unsigned highest)
{
	unsigned number = 0;

	for (const char *c = value; *c; c++) {
		if (*c < '0' || *c > '9')
			return "not a whole number";
		number = number * 10 + (unsigned)(*c - '0');
		if (number > highest)
			return "too large";
	}
	if (number == 0)
		return "must not be 0";
	*field = number;
	return NULL;
}

static const char *set_days(void *field, const char *value)
{
	return set_number(field, value, 36500);
}

static const char *set_seconds(void *field, const char *value)
{
	return set_number(field, value, 86400);
}

/* What systemctl would take for an option or a path is no unit's name. */
static const char *set_unit(void *field, const char *value)
{
	if (value[0] == '-' || strlen(value) > 255 || strpbrk(value, "/ \t\"'*?[") ||
		has_control_character(value))
		return "not the name of a systemd unit";
	return keep(field, strdup(value));
}

static const char *set_command(void *field, const char *value)
{
	char **argv;
	status rc = command_line_split(value, &argv);

	if (rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY))
		return config_no_memory;
	if (failed(rc))
		return "not the absolute path of a program and its arguments, or badly "
		       "quoted";
	command_line_free(argv);
	return keep(field, strdup(value));
}

struct config_key {
	const char *section;
	const char *key;
	const char *(*set)(void *field, const char *value);
	size_t field;
	bool repeats;
};

#define FIELD(name) offsetof(struct server, name)
#define REPEATS     true

static const struct config_key keys[] = {
	{"server", "name", set_host_name, FIELD(name), false},
	{"server", "alias", add_host_name, FIELD(aliases), REPEATS},
	{"server", "family", set_family, FIELD(families), REPEATS},
	{"server", "authority", set_authority, FIELD(authority), false},
	{"server", "host", set_host_name, FIELD(host), false},
	{"server", "state_dir", set_path, FIELD(state_dir), false},
	{"server", "names", set_names, FIELD(posix_names), false},
	{"server", "share", add_share, 0, REPEATS},

	{"store", "engine", set_engine, FIELD(store.engine), false},
	{"store", "database", add_pattern, FIELD(store.databases), REPEATS},
	{"store", "log_dir", set_path, FIELD(store.log_dir), false},
	{"store", "system_dir", set_path, FIELD(store.system_dir), false},
	{"store", "region_dir", set_path, FIELD(store.region_dir), false},
	{"store", "log_base", set_log_base, FIELD(store.log_base), false},
	{"store", "spool_dir", set_path, FIELD(store.spool_dir), false},
	{"store", "verify", set_verify, FIELD(store.verify_report), false},
	{"store", "compact", set_yes_no, FIELD(store.compact), false},
	{"store", "dynamic", add_pattern, FIELD(dynamic), REPEATS},
	{"store", "tombstone_days", set_days, FIELD(tombstone_days), false},

	{"service", "unit", set_unit, FIELD(service.unit), false},
	{"service", "pidfile", set_path, FIELD(service.pidfile), false},
	{"service", "program", set_path, FIELD(service.program), false},
	{"service", "start", set_command, FIELD(service.start), false},
	{"service", "stop", set_command, FIELD(service.stop), false},
	{"service", "suspend", set_command, FIELD(service.suspend), false},
	{"service", "resume", set_command, FIELD(service.resume), false},
	{"service", "status", set_command, FIELD(service.status), false},
	{"service", "timeout", set_seconds, FIELD(service.timeout_seconds), false},
};

static_assert(COUNT(keys) <= 8 * sizeof(config_seen), "a bit for every key");

static const struct config_key *find_key(
	const struct ini_entry *entry, const char **reason)
{
	*reason = *entry->section ? "no such section" : "stands before the first section";
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(entry->section, keys[i].section) != 0)
			continue;
		if (strcmp(entry->key, keys[i].key) == 0)
			return &keys[i];
		*reason = "no such key in this section";
	}
	return NULL;
}

static const char *begin_section(struct server *server, const char *section)
{
	if (strcmp(section, "service") == 0)
		server->has_service = true;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcmp(section, keys[i].section) == 0)
			return NULL;
	return "no such section";
}

const char *config_set(
	struct server *server, config_seen *seen, const struct ini_entry *entry)
{
	const char *reason = NULL;
	const struct config_key *key = find_key(entry, &reason);
	config_seen bit;

	if (*entry->key == '\0')
		return begin_section(server, entry->section);
	if (!key)
		return reason;
	bit = (config_seen)1 << (key - keys);
	if ((*seen & bit) && !key->repeats)
		return "given twice";
	*seen |= bit;
	if (*entry->value == '\0')
		return "has no value";
	return key->set((char *)server + key->field, entry->value);
}
