#include "session/token.h"

#include <string.h>

#include "base/sha256.h"
#include "base/text.h"

#define MAGIC       "BKTOKEN" /* with its NUL */
#define VERSION     1u
#define HEAD_SIZE   36u /* up to the name */
#define SMALLEST    (HEAD_SIZE + SHA256_SIZE)
#define DAY_SECONDS 86400

enum offset { AT_VERSION = 8, AT_SIZE = 12, AT_LIMIT = 24, AT_LENGTH = 32 };

/* ---- making ---- */

/* A time that no clock reaches stands for one beyond what 64 bits hold. */
static int64_t time_limit(const struct server *server, int64_t time)
{
	int64_t limit;

	if (__builtin_add_overflow(
		    time, (int64_t)server->tombstone_days * DAY_SECONDS, &limit))
		limit = INT64_MAX;
	return limit;
}

status token_make(const struct server *server, int64_t time, struct buffer *token)
{
	const uint32_t length = (uint32_t)strlen(server->name);
	uint8_t digest[SHA256_SIZE];

	buffer_clear(token);
	buffer_add(token, MAGIC, sizeof(MAGIC));
	buffer_u32(token, VERSION);
	buffer_u32(token, SMALLEST + length);
	buffer_u64(token, (uint64_t)time);
	buffer_u64(token, (uint64_t)time_limit(server, time));
	buffer_u32(token, length);
	buffer_add(token, server->name, length);
	if (buffer_failed(token))
		return status_no_memory();
	sha256_bytes(token->data, token->size, digest);
	buffer_add(token, digest, sizeof(digest));
	return buffer_failed(token) ? status_no_memory() : STATUS_OK;
}

/* ---- checking ---- */

static uint64_t number_at(const uint8_t *bytes, size_t offset, size_t size)
{
	uint64_t value = 0;

	while (size-- > 0)
		value = value << 8 | bytes[offset + size];
	return value;
}

static const char *find_damage(const uint8_t *token, size_t size)
{
	uint8_t digest[SHA256_SIZE];

	if (size < SMALLEST || memcmp(token, MAGIC, sizeof(MAGIC)) != 0)
		return "not an expiry token";
	if (number_at(token, AT_VERSION, 4) != VERSION)
		return "of a version that this library does not know";
	if (number_at(token, AT_SIZE, 4) != size ||
		number_at(token, AT_LENGTH, 4) != size - SMALLEST)
		return "damaged: its size is wrong";
	sha256_bytes(token, size - SHA256_SIZE, digest);
	if (memcmp(token + size - SHA256_SIZE, digest, sizeof(digest)) != 0)
		return "damaged: its checksum is wrong";
	return NULL;
}

static bool is_name(const char *name, const char *text, size_t length)
{
	if (strlen(name) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text_fold(name[i]) != text_fold(text[i]))
			return false;
	return true;
}

static bool is_server(const struct server *server, const char *text, size_t length)
{
	bool found = is_name(server->name, text, length);

	for (size_t i = 0; i < server->aliases.count && !found; i++)
		found = is_name(server->aliases.items[i], text, length);
	return found;
}

static status foreign(const struct server *server, const char *text, size_t length)
{
	char name[256];
	size_t shown = length < sizeof(name) ? length : sizeof(name) - 1;

	memcpy(name, text, shown);
	name[shown] = '\0';
	text_keep_to_one_line(name);
	return status_fail(hrInvalidParam,
		"%s: the expiry token belongs to a backup of another server, %s",
		server->name, name);
}

static status expired(const struct server *server, int64_t limit, int64_t now)
{
	return status_fail(hrContentsExpired,
		"%s: the backup was good until %lld days ago, when what was deleted "
		"since "
		"then began to be forgotten",
		server->name,
		(long long)(((uint64_t)now - (uint64_t)limit) / DAY_SECONDS));
}

status token_check(
	const struct server *server, const void *token, size_t size, int64_t now)
{
	const uint8_t *bytes = token;
	const char *damage = find_damage(bytes, size);
	const char *name = (const char *)bytes + HEAD_SIZE;
	int64_t limit;

	if (damage)
		return status_fail(hrUnknownExpiryTokenFormat,
			"%s: the expiry token is %s", server->name, damage);
	if (!is_server(server, name, size - SMALLEST))
		return foreign(server, name, size - SMALLEST);
	limit = (int64_t)number_at(bytes, AT_LIMIT, 8);
	return now > limit ? expired(server, limit, now) : STATUS_OK;
}
