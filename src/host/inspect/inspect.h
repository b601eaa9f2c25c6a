/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/inspect.h - the isolation that a container really has, beside config.json's
 *
 * Everything is read from the kernel, about a running process. It is compared with the steps of the
 * bundle's plan, which is made anew. Nothing is changed.
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

struct inspect_wishes {
	bool json;
	bool drift;   /* only what differs */
	bool filters; /* compare seccomp filters, which stops the process for a moment */
	pid_t pid;    /* another process of the container; 0: the first */
};

/*
 * Print the comparison on standard output. 1: something differs; 0; -1 with @e set, also where the
 * container does not run.
 */
int container_inspect(const struct state_root *root, const char *id,
		      const struct inspect_wishes *wishes, const char *const *own_env,
		      struct arena *a, struct err *e);
