/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/birth.h - between clone and exec of tare-init: what spawn.c and enter.c share
 */
#pragma once

#include "host/host.h"

/* What the child has to know. It may run in our memory, and then tells its own child's pid here. */
struct birth {
	const struct create *create;
	const struct spawn_step *spawn;
	int image;   /* the sealed memfd */
	int control; /* tare-init's end */
	int release; /* read end; -1: not held */
	int cgroup;  /* v2 directory; -1 */
	int user;    /* user namespace to join first; -1 */
	int ready
		[2]; /* without birth into a cgroup (Linux before 5.7): the child waits until it was moved; -1 */
	bool move; /* likewise, the helper goes there itself */
	pid_t pid; /* of the one born by a helper */
	int pidfd;
};

/* In a helper that could not be born in b->cgroup: go there. 0, or -errno. */
int birth_join_cgroup(const struct birth *b);

/*
 * Put tare-init's descriptors where it looks for them, and @image somewhere behind, and behind @more numbers that
 * stay free. All others from there on are closed by the exec. 0, or -errno.
 */
int birth_arrange(const struct birth *b, int more, int *image);

/* Execute tare-init from @image. Comes back only with a -errno. */
int birth_exec(const struct birth *b, int image);

/* Tell tare, at the other end of @control, why there is no tare-init, and end. */
void birth_fails(const struct birth *b, int control, int r, const char *what)
	__attribute__((noreturn));

/* enter.c: the birth of an exec'd process in a running container. The pid, or -1. */
pid_t birth_enter(struct birth *b, struct err *e);
