/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/path_text.c - paths as text
 *
 * Runs in tare while it plans. Looks at no file.
 */
#include "plan/mounts/path_text.h"

#include <string.h>

static bool is(const char *component, size_t length, const char *name)
{
	return length == strlen(name) && memcmp(component, name, length) == 0;
}

const char *path_clean(struct arena *a, const char *path)
{
	char *clean = arena_alloc(a, strlen(path) + 2), *end = clean;

	while (*path) {
		size_t length = strcspn(path, "/");

		if (is(path, length, "..")) {
			while (end > clean && *--end != '/')
				;
		} else if (length > 0 && !is(path, length, ".")) {
			*end++ = '/';
			end = mempcpy(end, path, length);
		}
		path += length;
		path += *path == '/';
	}
	if (end == clean)
		*end++ = '/';
	*end = '\0';

	return clean;
}

const char *path_absolute(struct arena *a, const char *base, const char *path)
{
	return path[0] == '/' ? path : arena_printf(a, "%s/%s", base, path);
}
