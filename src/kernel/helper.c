/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/helper.c - tare's helper programs: where they are
 */
#include "kernel/helper.h"

#include "base/fmt.h"
#include "kernel/sys.h"

#include <string.h>

static int find_beside_us(const char *name, char *path, size_t size)
{
	ssize_t n = sys_read_link_at(AT_FDCWD, "/proc/self/exe", path, size - strlen(name) - 1);

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n <= 0)
		return n < 0 ? (int) n : -ENOENT;
	fmt_text(path + n, size - (size_t) n, "%s", name);

	return sys_access_at(AT_FDCWD, path, X_OK);
}

int helper_find(const char *name, const char *installed, char *path, size_t size)
{
	fmt_text(path, size, "%s", installed);

	return sys_access_at(AT_FDCWD, path, X_OK) == 0 ? 0 : find_beside_us(name, path, size);
}
