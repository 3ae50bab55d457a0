#include "include/uuid/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789abcdef0123456789ABCDEF";

static int dash_before(int byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_copy(uuid_t to, const uuid_t from)
{
	memcpy(to, from, sizeof(uuid_t));
}

void uuid_generate(uuid_t out)
{
	if (getrandom(out, sizeof(uuid_t), 0) != (ssize_t)sizeof(uuid_t))
		abort();
	out[6] = (unsigned char)((out[6] & 0x0f) | 0x40);
	out[8] = (unsigned char)((out[8] & 0x3f) | 0x80);
}

/* As unique, if without the time. */
void uuid_generate_time(uuid_t out)
{
	uuid_generate(out);
}

static int digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

int uuid_parse(const char *in, uuid_t out)
{
	if (strlen(in) != UUID_STR_LEN - 1)
		return -1;
	for (int i = 0; i < 16; i++) {
		int high, low;

		if (dash_before(i) && *in++ != '-')
			return -1;
		high = digit(*in++);
		low = digit(*in++);
		if (high < 0 || low < 0)
			return -1;
		out[i] = (unsigned char)(high * 16 + low);
	}
	return 0;
}

void uuid_unparse_lower(const uuid_t in, char *out)
{
	for (int i = 0; i < 16; i++) {
		if (dash_before(i))
			*out++ = '-';
		out += sprintf(out, "%02x", in[i]);
	}
}
