/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/oom.h - hearing of processes that the kernel killed for their cgroup's memory limit
 */
#pragma once

#include "base/err.h"

#include <poll.h>
#include <stdint.h>

struct oom_watch {
	int fd;	      /* to be waited for; -1: nobody counts here */
	short events; /* what poll(2) is to wait for */
	const char *directory;
	uint64_t killed; /* as told so far; v2 */
};

/*
 * Begin to watch the cgroups @dirs (NULL-terminated) of one container. Without a memory controller
 * that is nothing to be heard of, and no failure. The directory stays the caller's.
 */
int oom_watch(struct oom_watch *watch, const char *const *dirs, struct err *e);

/* How many there were since the last call; does not wait. */
uint64_t oom_take(struct oom_watch *watch);

/* How many there were so far, where the kernel counts them: memory.events, or memory.oom_control since Linux 4.13. */
uint64_t oom_count(const char *const *dirs);

void oom_unwatch(struct oom_watch *watch);
