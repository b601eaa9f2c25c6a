/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/notify.h - NOTIFY_SOCKET: sd_notify(3) of the program, passed on
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct create;
struct step;

/* NOTIFY_SOCKET: where the program's word comes in, and whom it is for. */
struct notify {
	int in, out; /* -1: nobody waits for it */
};

#define NOTIFY_NONE                                                                                \
	{                                                                                          \
		.in = -1, .out = -1                                                                \
	}

/* OP_MAKE_NOTIFY; run listens from then on. */
int notify_make(struct create *c, const struct step *s, struct err *e);

/*
 * Connect to @address (NULL: nobody is there), and listen in the container's directory, below @dir; @n stays as it is where
 * create has made none, or, with a warning, where nobody listens at @address.
 */
int notify_open(struct notify *n, int dir, const char *address, struct err *e);

/*
 * Wait until the program says READY=; pass that on, and its @pid, and wait until both are read. 0 too if the process
 * of @pidfd ends before.
 */
int notify_wait(const struct notify *n, pid_t pid, int pidfd, struct err *e);

/* The same in the foreground, and without its pid: take what there is; once it was the word, close. */
void notify_pass(struct notify *n);

void notify_close(struct notify *n);
