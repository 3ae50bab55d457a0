#include "common/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* How many bytes follow LEAD, and the smallest code that needs so many; 0: no lead byte.
 */
static size_t sequence_length(unsigned char lead, uint32_t *lowest)
{
	if (lead >= 0xc2 && lead <= 0xdf) {
		*lowest = 0x80;
		return 2;
	}
	if (lead >= 0xe0 && lead <= 0xef) {
		*lowest = 0x800;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*lowest = 0x10000;
		return 4;
	}
	return 0;
}

size_t str_decode(const char *s, uint32_t *code)
{
	unsigned char lead = (unsigned char)s[0];
	uint32_t lowest = 0, value;
	size_t length;

	if (lead < 0x80) {
		*code = lead;
		return 1;
	}
	length = sequence_length(lead, &lowest);
	if (length == 0)
		return 0;
	value = lead & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3fu);
	}
	if (value < lowest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return length;
}

/* Does the character CODE of LENGTH bytes (0: not UTF-8) change what a terminal shows? */
static bool is_unsafe(uint32_t code, size_t length)
{
	return length == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x2028 || code == 0x2029;
}

/* S with every unsafe byte written as hexadecimal digits; as a RECORD, in a form that can
 * be read back, so '%' and the spaces that a reader might trim are written so too. */
static char *encode(const char *s, bool record)
{
	char *out = xmalloc(strlen(s) * 4 + 1), *to = out;

	while (*s) {
		uint32_t code = 0;
		size_t length = str_decode(s, &code);
		size_t step = length ? length : 1;
		bool plain =
			!is_unsafe(code, length) && !(record && (*s == ' ' || *s == '%'));

		for (size_t i = 0; i < step; i++, s++) {
			unsigned char byte = (unsigned char)*s;

			if (plain)
				*to++ = *s;
			else
				to += sprintf(to, record ? "%%%02X" : "\\x%02x", byte);
		}
	}
	*to = '\0';
	return out;
}

char *str_display(const char *s)
{
	return encode(s, false);
}

char *str_escape(const char *s)
{
	return encode(s, true);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool str_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		int high, low;

		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		high = hex_digit(s[1]);
		low = high < 0 ? -1 : hex_digit(s[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(unsigned char)(high * 16 + low);
		s += 2;
	}
	*to = '\0';
	return true;
}

wchar_t *str_widen(const char *s)
{
	wchar_t *out = xmalloc((strlen(s) + 1) * sizeof(*out)), *to = out;

	while (*s) {
		uint32_t code = 0;
		size_t length = str_decode(s, &code);

		if (length == 0) {
			code = 0xdc00u | (unsigned char)*s;
			length = 1;
		}
		*to++ = (wchar_t)code;
		s += length;
	}
	*to = L'\0';
	return out;
}

bool str_number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(unsigned char)*s - '0';

		if (digit > 9 || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*value = n;
	return true;
}

void str_time(int64_t seconds, char out[STR_TIME_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
		strftime(out, STR_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, STR_TIME_SIZE, "@%lld", (long long)seconds);
}

bool str_parse_time(const char *s, int64_t *seconds)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	char again[STR_TIME_SIZE];

	if (!end || *end)
		return false;
	*seconds = (int64_t)timegm(&tm);
	str_time(*seconds, again);
	return strcmp(s, again) == 0;
}

void str_bytes(double bytes, char out[STR_BYTES_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, STR_BYTES_SIZE, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

bool path_is_clean(const char *path)
{
	if (*path != '/' || !path[1])
		return false;
	while (*path) {
		const char *part = path + 1;
		size_t length = strcspn(part, "/");

		if (length == 0 || (length == 1 && part[0] == '.') ||
			(length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		path = part + length;
	}
	return true;
}

/* Often enough called for a format to be noticed. */
char *path_join(const char *dir, const char *name)
{
	size_t length = strlen(dir), size = strlen(name) + 1;
	char *path = xmalloc(length + 1 + size);

	memcpy(path, dir, length);
	path[length] = '/';
	memcpy(path + length + 1, name, size);
	return path;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_parent(const char *path)
{
	size_t length = (size_t)(path_base(path) - path);

	return xstrndup(path, length > 1 ? length - 1 : length);
}

bool path_is_below(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}
