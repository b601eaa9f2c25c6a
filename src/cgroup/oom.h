/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/oom.h - report processes killed at their cgroup's memory limit
 */
#pragma once

#include "base/err.h"

#include <poll.h>
#include <stdint.h>

struct oom_watch {
	int fd;	      /* for poll(2); -1: no kill is reported */
	short events; /* the events to poll for */
	const char *directory;
	uint64_t killed; /* kills reported so far; v2 */
};

/*
 * Begin to watch the cgroups @dirs (NULL-terminated) of one container. Without a memory controller
 * no kill is reported, which is no failure. The directories stay the caller's.
 */
int oom_watch(struct oom_watch *watch, const char *const *dirs, struct err *e);

/* The number of kills since the last call; does not wait. */
uint64_t oom_take(struct oom_watch *watch);

/*
 * The number of kills so far, where the kernel counts them: memory.events, or memory.oom_control
 * since Linux 4.13.
 */
uint64_t oom_count(const char *const *dirs);

void oom_unwatch(struct oom_watch *watch);
