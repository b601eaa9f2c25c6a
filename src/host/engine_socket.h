/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/engine_socket.h - sockets that an engine listens at
 */
#pragma once

#include "base/err.h"
#include "base/host_path.h"

/* Send @fd with one message to the socket at @path; docs/CONTRACT.md, B6. */
int console_send(const char *path, int fd, struct err *e);

/*
 * A connection to the engine's socket at @path. For a pidfd it is made before the program runs, so
 * that no program has run when there is no such socket. -1 with @e set.
 */
int engine_connect(const struct host_path *path, struct err *e);

/* As console_send(), with a pidfd, where the kernel has pidfds. @socket: of engine_connect(). */
int pidfd_send(int socket, const struct host_path *path, int pidfd, struct err *e);

/*
 * A connection to the socket at @path, which may be of any length; or -errno. @type: SOCK_STREAM,
 * SOCK_DGRAM.
 */
int socket_connect(const char *path, int type);
