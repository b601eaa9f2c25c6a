/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/watch.h - the filter of a container whose calls are recorded
 */
#pragma once

#include "plan/planner.h"
#include "plan/seccomp/profile.h"

/*
 * The filter that is loaded in place of @profile (NULL: config.json has none): all calls, or those
 * that @profile refuses with an errno, go to a listener. 0, or -1: this kernel has none, or
 * @profile has a listener of its own.
 */
int seccomp_watch(struct planner *p, const struct seccomp_program *profile,
		  struct seccomp_program *watched, struct err *e);
