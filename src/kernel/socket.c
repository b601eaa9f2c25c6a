/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/socket.c - Unix sockets and descriptors in flight
 */
#include "kernel/socket.h"

#include "base/fmt.h"
#include "kernel/fd.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Seconds; docs/REQUIREMENTS.md, 20. */
#define CONNECT_TIMEOUT 8

int sys_set_timeout(int socket, enum sys_direction direction, long seconds)
{
	const struct {
		long seconds, microseconds;
	} timeout = { .seconds = seconds };

	return (int) SYS_CALL(setsockopt, socket, SOL_SOCKET, direction, &timeout, sizeof(timeout),
			      0);
}

/* A peer may listen without accepting, or never read: so connect(2) and sending have a timeout. */
static void limit_sending(int fd)
{
	sys_set_timeout(fd, SYS_SEND, CONNECT_TIMEOUT);
}

int sys_socket_pair(int fds[2])
{
	int r = (int) SYS_CALL(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds, 0, 0);

	if (r == 0)
		limit_sending(fds[0]);

	return r;
}

/* Room for one descriptor, with the alignment that the kernel asks for. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

/* Send once: the bytes taken, or -errno. */
static long send_some(int socket, const void *data, size_t size, int fd)
{
	union control control = { .header = {
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(sizeof(int)),
				  } };
	struct iovec part = { .iov_base = (void *) data, .iov_len = size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	long n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	do
		n = SYS_CALL(sendmsg, socket, &m, MSG_NOSIGNAL, 0, 0, 0);
	while (n == -EINTR);

	return n;
}

int sys_send_fd(int socket, const void *data, size_t size, int fd)
{
	long n = send_some(socket, data, size, fd);

	return n < 0 ? (int) n : 0;
}

int sys_send_stream(int socket, const void *data, size_t size, int fd)
{
	const char *at = data;

	while (size > 0) {
		long n = send_some(socket, at, size, fd);

		if (n < 0)
			return (int) n;
		at += n;
		size -= (size_t) n;
		fd = -1;
	}

	return 0;
}

ssize_t sys_receive_fd(int socket, void *data, size_t size, int *fd)
{
	union control control;
	struct iovec part = { .iov_base = data, .iov_len = size };
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		/*
		 * CMSG_LEN, not the whole room: the padding would take a second descriptor, which
		 * would stay open.
		 */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	long n;

	do
		n = SYS_CALL(recvmsg, socket, &m, MSG_CMSG_CLOEXEC, 0, 0, 0);
	while (n == -EINTR);

	*fd = -1;
	if (n >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd));

	return n;
}

/* "/proc/self/fd/9/start": short, however long the directory's own path is. */
static int address(int dir, const char *name, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un) { .sun_family = AF_UNIX };

	size_t length =
		fmt_text(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s", dir, name);

	return length < sizeof(a->sun_path) ? 0 : -ENAMETOOLONG;
}

static int unix_socket(int type)
{
	return (int) SYS_CALL(socket, AF_UNIX, type | SOCK_CLOEXEC, 0, 0, 0, 0);
}

/* A socket, and the address @a of @name in @dir. */
static int open_socket(int dir, const char *name, int type, struct sockaddr_un *a)
{
	int r = address(dir, name, a);

	return r < 0 ? r : unix_socket(type);
}

/* @fd; or, where the last call failed, -errno with @fd closed. */
static int fd_or_close(int fd, int r)
{
	if (r < 0)
		sys_close(fd);

	return r < 0 ? r : fd;
}

int sys_bind_at(int dir, const char *name, int type)
{
	struct sockaddr_un a;
	int fd = open_socket(dir, name, type, &a);

	return fd < 0 ? fd : fd_or_close(fd, (int) SYS_CALL(bind, fd, &a, sizeof(a), 0, 0, 0));
}

int sys_listen_at(int dir, const char *name, int type)
{
	int fd = sys_bind_at(dir, name, type);

	return fd < 0 ? fd : fd_or_close(fd, (int) SYS_CALL(listen, fd, 16, 0, 0, 0, 0));
}

static int connect_patiently(int fd, const struct sockaddr_un *a, size_t size)
{
	limit_sending(fd);

	return fd_or_close(fd, (int) SYS_CALL(connect, fd, a, size, 0, 0, 0));
}

int sys_connect_at(int dir, const char *name, int type)
{
	struct sockaddr_un a;
	int fd = open_socket(dir, name, type, &a);

	return fd < 0 ? fd : connect_patiently(fd, &a, sizeof(a));
}

int sys_connect_abstract(const char *name, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t length = strlen(name);

	if (length >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path + 1, name, length);

	int fd = unix_socket(type);

	/* An abstract name is not terminated: its length counts. */
	return fd < 0 ? fd
		      : connect_patiently(fd, &a,
					  offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

int sys_accept(int listener)
{
	int fd;

	do
		fd = (int) SYS_CALL(accept4, listener, NULL, NULL, SOCK_CLOEXEC, 0, 0);
	while (fd == -EINTR);

	return fd;
}

int sys_open_ip_socket(void)
{
	return (int) SYS_CALL(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
}

int sys_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	autoclose int fd = sys_open_ip_socket();
	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0 : fd;

	return sys_ioctl(fd, SIOCSIFFLAGS, &request);
}
