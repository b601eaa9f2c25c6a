/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/map_helper.c - the paths and arguments of newuidmap(1) and newgidmap(1)
 */
#include "plan/map_helper.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/process.h"

int map_helper_find(const char *name, char path[64])
{
	static const char *const directories[] = { "/usr/bin", "/bin", "/usr/local/bin",
						   "/usr/sbin" };

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		fmt_text(path, 64, "%s/%s", directories[i], name);
		if (sys_access_at(AT_FDCWD, path, X_OK) == 0)
			return 0;
	}

	return -ENOENT;
}

/* newuidmap PID INSIDE OUTSIDE COUNT ... */
int map_helper_prepare(struct map_helper_call *call, const struct step *s, pid_t pid)
{
	size_t n = 0;

	fmt_text(call->words[n++], MAP_HELPER_WORD, "%s",
		 s->id_map.group ? "newgidmap" : "newuidmap");
	fmt_text(call->words[n++], MAP_HELPER_WORD, "%d", pid);
	for (size_t i = 0; i < s->id_map.count && n + 3 <= MAP_HELPER_WORDS; i++) {
		const struct id_range *r = &s->id_map.ranges[i];
		const uint32_t values[] = { r->inside, r->outside, r->count };

		for (size_t v = 0; v < ARRAY_SIZE(values); v++)
			fmt_text(call->words[n++], MAP_HELPER_WORD, "%u", values[v]);
	}
	for (size_t i = 0; i < n; i++)
		call->argv[i] = call->words[i];
	call->argv[n] = NULL;

	return map_helper_find(call->words[0], call->path);
}
