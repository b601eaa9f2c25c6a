/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/strays.h - processes of a container without pid namespace and cgroup
 *
 * They share their root directory: a mount of the container's own, whose ID no other mount has
 * while one of the processes lives, and since Linux 6.8 no later mount either. Before 6.8 a stopped
 * container's ID can be that of another container of the same rootfs.
 */
#pragma once

#include "state/record.h"

#define STRAYS_ROOT 64

/*
 * "MOUNT:DEVICE:INODE" of the root of process @pid. "": the process has ended, the kernel is older
 * than 3.15, or the root is our own.
 */
void strays_root_of(pid_t pid, char text[STRAYS_ROOT]);

/*
 * Kill all processes with the root of @rec, if it has neither pid namespace nor cgroup. Returns
 * their number.
 */
unsigned strays_kill(const struct record *rec);
