/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/lost.h - a container of which only the cgroup is left
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * Take down a container of which neither record nor journal say anything: what is in the cgroup of its name. -1, and nothing is
 * done, where it can't be found, or may be somebody else's.
 */
int lost_remove(const struct state_root *root, const char *id, int dir, struct arena *a,
		struct err *e);
