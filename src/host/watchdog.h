/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watchdog.h - waiting for a process that may hang
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct pollfd;

/*
 * Wait until one of @fds is ready: 0. -1 where for several seconds @pid, a tare-init, does not get
 * on; the error says with what, and where it sleeps. Where it sleeps for the kernel itself standard
 * error says so, and we go on for ten minutes. @has_agent: a seccomp agent may have it wait as it
 * likes.
 */
int watchdog_poll(pid_t pid, bool has_agent, struct pollfd *fds, unsigned count, struct err *e);

#define CHILD_TIMEOUT_MS 8000 /* for what a child of ours does that is short */

/*
 * Wait until our child @pid, a program called @name, ends: 0 with its @status (wait(2)). -1: it has
 * not in time, and is killed. A child that runs, or waits for the kernel itself, has ten minutes.
 */
int child_wait(pid_t pid, const char *name, int *status, struct err *e);

/* The same without a name: its pid, or -errno; it is not killed. */
pid_t child_wait_status(pid_t pid, int *status);
