/* Only as much DER as leads to the end of the validity; every length is checked against
 * what is left. */
#include "engine/ca_cert.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DER_INTEGER = 0x02,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0,
};

struct bytes {
	const unsigned char *data;
	size_t size;
};

static bool der_length(struct bytes *in, size_t *length)
{
	unsigned char first;

	if (in->size < 1)
		return false;
	first = *in->data++;
	in->size--;
	*length = first;
	if (first < 0x80)
		return true;
	if (first == 0x80 || first > 0x84 || in->size < (size_t)(first & 0x7f))
		return false;
	*length = 0;
	for (int i = first & 0x7f; i > 0; i--) {
		*length = *length << 8 | *in->data++;
		in->size--;
	}
	return true;
}

/* Takes the next element off IN if it has this TAG. */
static bool der_take(struct bytes *in, unsigned tag, struct bytes *content)
{
	struct bytes rest = *in;
	size_t length;

	if (rest.size < 1 || *rest.data != tag)
		return false;
	rest.data++;
	rest.size--;
	if (!der_length(&rest, &length) || length > rest.size)
		return false;
	*content = (struct bytes){rest.data, length};
	*in = (struct bytes){rest.data + length, rest.size - length};
	return true;
}

/* COUNT decimal digits at IN. */
static bool take_number(struct bytes *in, size_t count, int *number)
{
	*number = 0;
	if (in->size < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (in->data[i] < '0' || in->data[i] > '9')
			return false;
		*number = *number * 10 + (in->data[i] - '0');
	}
	in->data += count;
	in->size -= count;
	return true;
}

/* In certificates both kinds end in seconds and Z (RFC 5280). */
static bool parse_time(struct bytes text, bool generalized, int64_t *seconds)
{
	struct tm tm = {0};
	int year;

	if (!take_number(&text, generalized ? 4 : 2, &year) ||
		!take_number(&text, 2, &tm.tm_mon) ||
		!take_number(&text, 2, &tm.tm_mday) ||
		!take_number(&text, 2, &tm.tm_hour) ||
		!take_number(&text, 2, &tm.tm_min) ||
		!take_number(&text, 2, &tm.tm_sec) || text.size != 1 || *text.data != 'Z')
		return false;
	if (!generalized)
		year += year < 50 ? 2000 : 1900;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	*seconds = timegm(&tm);
	return true;
}

static bool take_time(struct bytes *in, int64_t *seconds)
{
	struct bytes text;

	if (der_take(in, DER_UTC_TIME, &text))
		return parse_time(text, false, seconds);
	return der_take(in, DER_GENERALIZED_TIME, &text) &&
	       parse_time(text, true, seconds);
}

static bool parse_der(struct bytes in, struct ca_cert *cert)
{
	struct bytes whole, signed_part, validity, skipped;
	int64_t not_before;

	if (!der_take(&in, DER_SEQUENCE, &whole) ||
		!der_take(&whole, DER_SEQUENCE, &signed_part))
		return false;
	(void)der_take(&signed_part, DER_VERSION, &skipped);     /* version 1 has none */
	return der_take(&signed_part, DER_INTEGER, &skipped) &&  /* serial number */
	       der_take(&signed_part, DER_SEQUENCE, &skipped) && /* algorithm */
	       der_take(&signed_part, DER_SEQUENCE, &skipped) && /* issuer */
	       der_take(&signed_part, DER_SEQUENCE, &validity) &&
	       take_time(&validity, &not_before) &&
	       take_time(&validity, &cert->not_after);
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* OUT has room for what SIZE characters can hold. White space is skipped. */
static size_t decode_base64(const char *text, size_t size, unsigned char *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t length = 0;

	for (size_t i = 0; i < size; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[length++] = (unsigned char)(bits >> count);
		}
	}
	return length;
}

bool ca_cert_parse(const char *text, size_t size, struct ca_cert *cert)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char end[] = "-----END CERTIFICATE-----";
	const char *body = memmem(text, size, begin, sizeof(begin) - 1);
	const char *tail;
	unsigned char *der;
	size_t length;
	bool good;

	if (!body)
		return false;
	body += sizeof(begin) - 1;
	tail = memmem(body, size - (size_t)(body - text), end, sizeof(end) - 1);
	if (!tail)
		return false;
	length = (size_t)(tail - body);
	der = malloc(length + 1);
	if (!der)
		return false;
	length = decode_base64(body, length, der);
	good = parse_der((struct bytes){der, length}, cert);
	free(der);
	return good;
}
