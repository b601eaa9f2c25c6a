/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/fd.h - who closes a descriptor
 *
 * `autoclose int fd = ...` is closed when it goes out of scope; it may hold -errno.
 * Handing it over: take_fd(&fd).
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
