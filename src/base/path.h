/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/path.h - paths as text, compared by whole components
 *
 * For paths that are clean: no ".", "..", doubled slash or slash at the end. Safe anywhere.
 */
#pragma once

#include <stddef.h>
#include <string.h>

/*
 * The part of @path below @top: it begins with "/", and is "/" for @top itself. NULL: @path is
 * elsewhere.
 */
static inline const char *path_below(const char *path, const char *top)
{
	size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);

	if (strncmp(path, top, length) != 0)
		return NULL;
	if (path[length] == '\0')
		return "/";

	return path[length] == '/' ? path + length : NULL;
}
