/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/strays.h - processes that a container has left where neither a pid namespace nor a cgroup knows them
 *
 * What they have in common is their root directory: a mount of the container's own, whose number
 * nobody else has as long as one of them lives.
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * "MOUNT:DEVICE:INODE" of the root of process @pid, in @a. NULL: it has gone, that can't be told
 * (before Linux 3.15), or it is our own root.
 */
const char *strays_root_of(pid_t pid, struct arena *a);

/* Has the container such a root, and nothing else by which its processes are found? */
bool strays_matter(const struct record *rec);

/* Kill all processes whose root is @rec's. How many there were. */
unsigned strays_kill(const struct record *rec);
