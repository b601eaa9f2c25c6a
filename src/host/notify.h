/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/notify.h - NOTIFY_SOCKET: sd_notify(3) of the program, passed on
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct create;
struct step;

/* The program's socket, and the connection to the service manager. */
struct notify {
	int in, out;   /* -1: no such socket */
	bool is_ready; /* READY= was passed on */
};

#define NOTIFY_NONE                                                                                \
	{                                                                                          \
		.in = -1, .out = -1                                                                \
	}

/* OP_MAKE_NOTIFY; run also listens from then on. */
int notify_make(struct create *c, const struct step *s, struct err *e);

/*
 * Connect to @address (NULL: nothing to do), and listen in the container's directory, below @dir.
 * @n stays unchanged where create has made no directory, or, with a warning, where nothing listens
 * at @address.
 */
int notify_open(struct notify *n, int dir, const char *address, struct err *e);

/*
 * Wait until the program sends READY=; pass that and its @pid on, and wait until both are read. 0
 * also if the process of @pidfd ends before.
 */
int notify_wait(const struct notify *n, pid_t pid, int pidfd, struct err *e);

/*
 * In the foreground: take a message that is there. READY= is passed on, without the pid, and the
 * barrier that systemd-notify(1) sends behind it (sd_notify_barrier(3)).
 */
void notify_pass(struct notify *n);

void notify_close(struct notify *n);
