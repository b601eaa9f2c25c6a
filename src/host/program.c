/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/program.c - programs of the host that tare starts
 */
#include "host/program.h"

#include "base/words.h"
#include "kernel/sys.h"

const char *find_program(const char *name, const char *const *env, struct arena *a)
{
	const char *path = env_value(env, "PATH");

	if (!path || path[0] == '\0')
		path = "/usr/local/bin:/usr/bin:/bin";
	for (size_t length; *path; path += length + (path[length] == ':')) {
		length = strcspn(path, ":");
		if (length == 0 || path[0] != '/')
			continue;

		const char *full = arena_printf(a, "%.*s/%s", (int) length, path, name);
		struct stat st;
		if (sys_stat_at(AT_FDCWD, full, 0, &st) == 0 && S_ISREG(st.st_mode) &&
		    sys_access_at(AT_FDCWD, full, X_OK) == 0)
			return full;
	}

	return NULL;
}
