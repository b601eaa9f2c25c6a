/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/socket.h - sockets, and descriptors in flight: a result, or -errno
 */
#pragma once

#include "kernel/sys.h"

/*
 * Sending, or receiving, ends with -EAGAIN after @seconds. The option is the kernel's first: its
 * struct timeval has registers of this processor, and the C library's may have more bits.
 */
enum sys_direction {
	SYS_RECEIVE = 20, /* SO_RCVTIMEO_OLD */
	SYS_SEND = 21,	  /* SO_SNDTIMEO_OLD */
};
int sys_set_timeout(int socket, enum sys_direction direction, long seconds);

/* A connected pair that keeps messages apart (SOCK_SEQPACKET). */
int sys_socket_pair(int fds[2]);

/* Send one message of @size bytes, with @fd unless that is -1. No SIGPIPE. 0, or -errno. */
int sys_send_fd(int socket, const void *data, size_t size, int fd);

/* Send all of @data over a SOCK_STREAM, @fd with its first byte. 0, or -errno. */
int sys_send_stream(int socket, const void *data, size_t size, int fd);

/*
 * Receive one message, cut at @size. @fd: the descriptor that came with it, or -1. Bytes, 0 at the
 * end, -errno.
 */
ssize_t sys_receive_fd(int socket, void *data, size_t size, int *fd);

/*
 * Listen at, or connect to, the socket @name in the directory @dir. @type: SOCK_SEQPACKET,
 * SOCK_STREAM, or SOCK_DGRAM, which is bound only. @name is reached through /proc/self/fd, so
 * @dir's path may be longer than an address. The descriptor, or -errno; -EAGAIN where connecting,
 * or later sending, took more than 8 seconds.
 */
int sys_listen_at(int dir, const char *name, int type);
int sys_bind_at(int dir, const char *name, int type);
int sys_connect_at(int dir, const char *name, int type);

/* Connect to an abstract name: unix(7). */
int sys_connect_abstract(const char *name, int type);

int sys_accept(int listener);

/* A datagram socket of IPv4, not bound: -EAFNOSUPPORT where the kernel has no IPv4. */
int sys_open_ip_socket(void);

/* Bring up the interface "lo" of this network namespace: 0, also where the kernel has no IPv4. */
int sys_loopback_up(void);
