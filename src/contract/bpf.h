/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf.h - the kernel counts calls: an eBPF program on the raw tracepoint sys_enter
 *
 * Root only, Linux 5.8, x86-64 so far. The container does not notice. The program counts for all
 * tasks below one cgroup of v2, from the execve(2) of one process on. Of the first caller of each
 * call it keeps the name; and the path of its program, if the kernel describes itself (btf.h).
 */
#pragma once

#include "contract/tally.h"
#include "plan/seccomp/profile.h"

struct counter {
	int counts, values, state, cgroup, link; /* descriptors; -1 */
};

#define COUNTER_NONE                                                                               \
	{                                                                                          \
		.counts = -1, .values = -1, .state = -1, .cgroup = -1, .link = -1                  \
	}

/*
 * Load and attach the program; it counts nothing yet. 0; or -errno: this kernel, or this user,
 * can't.
 */
int counter_open(struct counter *c);

/*
 * Count from the execve(2) of process @pid on, for all tasks below the v2 directory @cgroup. 0, or
 * -errno.
 */
int counter_aim(const struct counter *c, int cgroup, pid_t pid);

/* Has that execve(2) been seen? */
bool counter_has_begun(int state);

/* Add the counts to @t. */
void counter_read(int counts, int values, struct tally *t);

/*
 * Load and attach another program, on signal_generate, for calls that a filter kills or traps, by
 * all tasks below the v2 directory @cgroup. If one thread of several is killed, no signal is sent,
 * and the call is not counted. Of @c, counts, cgroup and link are used. 0, or -errno.
 */
int counter_open_kills(struct counter *c);
int counter_aim_kills(const struct counter *c, int cgroup);

/* Add these calls to @t as refused, with the answer of @profile. */
void counter_read_kills(int counts, const struct seccomp_program *profile, struct tally *t);

void counter_close(struct counter *c);
