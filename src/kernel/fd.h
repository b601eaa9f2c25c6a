/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/fd.h - descriptors that are closed when their variable goes out of scope
 *
 * `autoclose int fd = ...;` may hold -errno, which is not closed. take_fd(&fd) hands the descriptor
 * over: the variable no longer closes it.
 */
#pragma once

#include "kernel/sys.h"

#define autoclose __attribute__((cleanup(fd_close)))

static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
