/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/clone.h - between clone and exec of tare-init: what spawn.c and enter.c share
 */
#pragma once

#include "host/create/create.h"

/* What the child has to know. It may run in our memory. */
struct clone_call {
	const struct create *create;
	const struct spawn_step *spawn;
	int image;   /* the sealed memfd */
	int control; /* tare-init's end */
	int release; /* read end; -1: not held */
	int cgroup;  /* v2 directory; -1 */
	int ready
		[2]; /* without birth into a cgroup (Linux before 5.7): the child waits until it was moved; -1 */
	bool move; /* likewise, tare-init goes there itself */
	int pidfd;
};

/* The cgroup's directory, which is not frozen: a descriptor. -1 with @e set; or without, where there is none. */
int clone_open_cgroup(const struct spawn_step *spawn, struct err *e);

/*
 * Put tare-init's descriptors where it looks for them, and @image somewhere behind, and behind @more numbers that
 * stay free. All others from there on are closed by the exec. 0, or -errno.
 */
int clone_arrange(const struct clone_call *b, int more, int *image);

/* Execute tare-init from @image. Comes back only with a -errno. */
int clone_exec(const struct clone_call *b, int image);

/* Tell tare, at the other end of @control, why there is no tare-init, and end. */
void clone_fails(const struct clone_call *b, int control, int r, const char *what)
	__attribute__((noreturn));

/*
 * enter.c: the birth of a tare-init that joins namespaces. The pid, with b->pidfd; or -1. Where the process that the container
 * gets is born late it is that of the one that does the steps before.
 */
pid_t clone_enter(struct clone_call *b, struct err *e);
