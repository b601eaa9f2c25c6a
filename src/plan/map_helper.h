/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/map_helper.h - newuidmap(1) and newgidmap(1), which write the id maps of ordinary users
 */
#pragma once

#include "plan/namespaces/idmap.h"

/* Their command line: a name, a pid, and three numbers for each range, of up to ten digits. */
#define MAP_HELPER_WORDS (2 + 3 * ID_RANGES_MAX)
#define MAP_HELPER_WORD	 12

struct map_helper_call {
	char path[64];
	char words[MAP_HELPER_WORDS][MAP_HELPER_WORD];
	const char *argv[MAP_HELPER_WORDS + 1]; /* NULL-terminated */
};

/*
 * The helper's path, in directories that are fixed: an engine may call tare with an empty PATH. 0,
 * or -ENOENT.
 */
int map_helper_find(const char *name, char path[64]);

/*
 * The call that writes the map of @s for process @pid: 0, or -ENOENT where the helper is missing.
 */
int map_helper_prepare(struct map_helper_call *call, const struct step *s, pid_t pid);
