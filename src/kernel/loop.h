/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/loop.h - a file as a block device: a result, or -errno
 */
#pragma once

#include "kernel/sys.h"

#define LOOP_PATH 32

/*
 * Attach @size bytes (0: all) behind @offset of @file to a free loop device: loop(4).
 * LO_FLAGS_AUTOCLEAR detaches it after the last close and the last unmount, also when its users are
 * killed. LOOP_CONFIGURE, Linux 5.8; older: LOOP_SET_FD and LOOP_SET_STATUS64. The open device,
 * with its @path.
 */
int sys_loop_attach(int file, uint64_t offset, uint64_t size, bool readonly, char path[LOOP_PATH]);
