/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/kill.h - kill: a signal for a container
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * @signal: 1..64, or 0: none, only to see whether it could be sent. @all: every process of its cgroup; a
 * container that does not run is then no failure. @a: for what is read meanwhile.
 */
int container_kill(const struct state_root *root, const char *id, int signal, bool all,
		   struct arena *a, struct err *e);
