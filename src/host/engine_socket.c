/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/engine_socket.c - descriptors for the engine's sockets
 *
 * --console-socket and --pidfd-socket: connect, send one message with one descriptor, close.
 */
#include "host/engine_socket.h"

#include "host/host_path.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "kernel/socket.h"

#include <linux/limits.h>
#include <sys/socket.h>

/* runc sends this text with the terminal; receivers need at least a byte. */
static const char payload[] = "/dev/pts/ptmx";

int socket_connect(const char *path, int type)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	size_t length = slash ? (size_t) (slash - path) : 0;

	if (length >= sizeof(directory))
		return -ENAMETOOLONG;
	memcpy(directory, path, length);
	directory[length] = '\0';

	const char *where = !slash ? "." : length > 0 ? directory : "/";
	autoclose int dir = sys_open(where, O_PATH | O_DIRECTORY);
	if (dir < 0)
		return dir;

	return sys_connect_at(dir, slash ? slash + 1 : path, type);
}

int engine_connect(const struct host_path *p, struct err *e)
{
	int socket = host_path_connect(p, SOCK_STREAM);

	if (socket == -EAGAIN)
		return err_msg(e, "nobody accepts connections at socket \"%s\"", p->path);

	return socket < 0 ? err_sys(e, socket, "connect to socket \"%s\"", p->path) : socket;
}

static int send_to(int socket, const char *path, int fd, struct err *e)
{
	int r = sys_send_fd(socket, payload, sizeof(payload) - 1, fd);

	return r < 0 ? err_sys(e, r, "send to socket \"%s\"", path) : 0;
}

int console_send(const char *path, int fd, struct err *e)
{
	const struct host_path p = { .path = path };

	autoclose int socket = engine_connect(&p, e);

	return socket < 0 ? -1 : send_to(socket, path, fd, e);
}

int pidfd_send(int socket, const struct host_path *path, int pidfd, struct err *e)
{
	if (sys_pidfd_is_real(pidfd))
		return send_to(socket, path->path, pidfd, e);
	(void) err_msg(e, "there is no pidfd to send to \"%s\"", path->path);

	return err_lacks(e, SINCE_PIDFD_GIVEN);
}
