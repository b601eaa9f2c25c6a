/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/owner.c - the name of a user, for `list`
 *
 * `name:password:uid:...`, a line a user. The name is only printed, so a file that is too large or
 * malformed just has no names.
 */
#include "cli/owner.h"

#include "base/fmt.h"
#include "kernel/fd.h"

#include <string.h>

#define LARGEST_FILE (1 << 20)
#define LONGEST_NAME 256

/* The file closed by a NUL, or NULL. */
static char *read_file(const char *path, struct arena *a)
{
	struct stat st;

	autoclose int fd = sys_open(path, O_RDONLY | O_NOCTTY);
	if (fd < 0 || sys_stat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > LARGEST_FILE)
		return NULL;

	char *text = arena_alloc(a, (size_t) st.st_size + 1);
	ssize_t length = sys_read_all(fd, text, (size_t) st.st_size);

	return length < 0 ? NULL : text;
}

/* The length of @line's name if its user is @uid, else 0. */
static size_t name_if(const char *line, size_t length, const char *uid)
{
	const char *end = line + length;
	const char *name_end = memchr(line, ':', length);
	const char *password_end =
		name_end ? memchr(name_end + 1, ':', (size_t) (end - name_end - 1)) : NULL;
	size_t digits = strlen(uid);

	if (!password_end || (size_t) (end - password_end) <= digits + 1)
		return 0;
	if (memcmp(password_end + 1, uid, digits) != 0 || password_end[1 + digits] != ':')
		return 0;

	return (size_t) (name_end - line) <= LONGEST_NAME ? (size_t) (name_end - line) : 0;
}

const char *owner_name(const char *path, uid_t uid, struct arena *a)
{
	const char *line = read_file(path, a);
	char digits[16];

	fmt_text(digits, sizeof(digits), "%u", uid);
	while (line && *line != '\0') {
		size_t length = strcspn(line, "\n");
		size_t name = name_if(line, length, digits);

		if (name > 0)
			return arena_memdup(a, line, name);
		line += length + (line[length] == '\n');
	}

	return arena_printf(a, "#%s", digits);
}
