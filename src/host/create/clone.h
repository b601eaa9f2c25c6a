/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/clone.h - between clone and exec of tare-init: what spawn.c and enter.c share
 */
#pragma once

#include "host/create/create.h"

/* For the child between clone and exec, which may run in our memory. */
struct clone_call {
	const struct create *create;
	const struct spawn_step *spawn;
	int image;   /* the sealed memfd */
	int control; /* tare-init's end of the socket */
	int release; /* read end of a pipe; -1: the child is not held */
	int cgroup;  /* v2 directory; -1 */
	/*
	 * without CLONE_INTO_CGROUP (Linux before 5.7): the pipe on which the child waits until
	 * tare has moved it; -1
	 */
	int ready[2];
	bool move; /* likewise, but the child joins the cgroup itself */
	int pidfd;
};

/*
 * A descriptor of the cgroup's directory, which must not be frozen. -1 with @e set; -1 without,
 * where the plan has no cgroup.
 */
int clone_open_cgroup(const struct spawn_step *spawn, struct err *e);

/*
 * Move tare-init's descriptors to the numbers where it expects them, and @image behind them and
 * @more free numbers. All other descriptors from first_fd on are closed by the exec. 0, or -errno.
 */
int clone_arrange(const struct clone_call *b, int more, int *image);

/* Execute tare-init from @image. Returns only on failure: -errno. */
int clone_exec(const struct clone_call *b, int image);

/* Send the failure to tare, at the other end of @control, and end the child. */
void clone_fails(const struct clone_call *b, int control, int r, const char *what)
	__attribute__((noreturn));

/*
 * enter.c: clone a tare-init that joins namespaces. The pid, with b->pidfd; or -1. With
 * spawn_step.late the pid is that of the process that does the steps before OP_ENTER_PIDS.
 */
pid_t clone_enter(struct clone_call *b, struct err *e);
