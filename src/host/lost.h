/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/lost.h - a container of which only the cgroup is left
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * Remove a container whose record and journal are lost: kill all processes in the cgroup of its
 * name. -1 without any change, where no such cgroup is found, or it may belong to something else.
 */
int lost_remove(const struct state_root *root, const char *id, int dir, struct arena *a,
		struct err *e);
