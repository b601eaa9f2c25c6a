/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watchdog.h - waiting for a process that may hang
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct pollfd;

/*
 * Wait until one of @fds is ready: 0. -1 where @pid, a tare-init, makes no progress for several
 * seconds; @e has its step and where it sleeps. Where tare-init sleeps for a lock or a disk, a
 * warning is logged, and the wait goes on for ten minutes. @has_agent: a seccomp agent may delay
 * tare-init without limit.
 */
int watchdog_poll(pid_t pid, bool has_agent, struct pollfd *fds, unsigned count, struct err *e);

#define CHILD_TIMEOUT_MS 8000 /* for a child with a short task */
#define EXIT_MS		 1000 /* for a process that has closed its descriptors to end */

/*
 * Wait until our child @pid, a program called @name, ends: 0 with its @status (wait(2)). -1: the
 * time is over, and the child is killed. A child that runs, or sleeps for a lock or a disk, has ten
 * minutes.
 */
int child_wait(pid_t pid, const char *name, int *status, struct err *e);

/* As child_wait() without a name: the pid, or -errno; the child is not killed. */
pid_t child_wait_status(pid_t pid, int *status);
