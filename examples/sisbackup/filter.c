#include "sisbackup/filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

static bool matches(const char *pattern, const char *relative)
{
	size_t length = strlen(pattern);
	bool whole;
	char *own;
	bool found;

	while (length > 0 && pattern[length - 1] == '/')
		length--;
	own = xstrndup(pattern, length);
	whole = strchr(own, '/') != NULL;
	found = fnmatch(*own == '/' ? own + 1 : own,
			whole ? relative : path_base(relative), FNM_PATHNAME) == 0;
	free(own);
	return found;
}

static bool any_matches(const struct strings *patterns, const char *relative)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (matches(patterns->items[i], relative))
			return true;
	return false;
}

bool filter_excludes(const struct options *options, const char *relative)
{
	return any_matches(&options->excludes, relative);
}

bool filter_includes(const struct options *options, const char *relative)
{
	return options->includes.count == 0 || any_matches(&options->includes, relative);
}
