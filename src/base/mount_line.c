/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/mount_line.c - a line of mountinfo, cut into its fields
 */
#include "base/mount_line.h"

#include <string.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* In place: the kernel escapes space, tab, newline and backslash of a path as \040 and the like. */
static char *unescape(char *path)
{
	char *to = path;

	for (const char *s = path; *s; s++, to++) {
		*to = *s;
		if (s[0] != '\\' || s[1] < '0' || s[1] > '3' || !is_octal(s[2]) || !is_octal(s[3]))
			continue;
		*to = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
		s += 3;
	}
	*to = '\0';

	return path;
}

bool mount_line_cut(char *text, struct mount_line *line)
{
	char *dash = strstr(text, " - "), *words[6];

	if (!dash)
		return false;
	*dash = '\0';
	for (int i = 0; i < 6; i++)
		if (!(words[i] = strsep(&text, " ")))
			return false;

	char *rest = dash + 3, *type = strsep(&rest, " ");

	strsep(&rest, " "); /* the source */
	*line = (struct mount_line) {
		.id = words[0],
		.root = unescape(words[3]),
		.point = unescape(words[4]),
		.options = words[5],
		.tags = text ? text : "",
		.type = type,
		.super = rest ? rest : "",
	};

	return true;
}
