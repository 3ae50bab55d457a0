/*
 * host.c - names of hosts; ASCII throughout, whatever the locale says
 */
#include "server/host.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define NAME_LONGEST 255

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool host_name_valid(const char *name)
{
	size_t length = strnlen(name, NAME_LONGEST + 1);

	if (length == 0 || length > NAME_LONGEST || !is_alphanumeric(name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(name[i]) && name[i] != '-' && name[i] != '.')
			return false;
	return true;
}

bool host_is_this(const char *name)
{
	char own[HOST_NAME_MAX + 1];

	if (*name == '\0' || strcmp(name, ".") == 0)
		return true;
	if (text_compare_nocase(name, "localhost") == 0)
		return true;
	if (gethostname(own, sizeof(own)) != 0)
		return false;
	own[sizeof(own) - 1] = '\0';
	if (text_compare_nocase(name, own) == 0)
		return true;
	own[strcspn(own, ".")] = '\0';
	return own[0] != '\0' && text_compare_nocase(name, own) == 0;
}
