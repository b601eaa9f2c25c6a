/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/kill.h - kill: a signal for a container
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * @signal: 1..64, or 0, which only checks the right to send one. @all: every process of the
 * container's cgroups; then a container that does not run is no failure. @a: for what is read
 * meanwhile.
 */
int container_kill(const struct state_root *root, const char *id, int signal, bool all,
		   struct arena *a, struct err *e);
