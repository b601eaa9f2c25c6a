/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/cgroup.h - where the container's cgroups are; for plan/limits/resources.c
 *
 * runtime-spec, config-linux.md#cgroups-path.
 */
#pragma once

#include "plan/planner.h"

struct cgroup_hierarchy;

/*
 * The container's directory in @h, absolute, in the arena; NULL where tare may not make a cgroup
 * there, or was asked to make none. Only after plan_cgroup() has accepted the path.
 */
const char *plan_cgroup_dir(struct planner *p, const struct cgroup_hierarchy *h);

/*
 * With a limit of 0 the kernel refuses to clone a process into the cgroup, but not to move one
 * there, nor to keep one. So this step comes after the clone.
 */
void plan_cgroup_limit_pids_to_none(struct planner *p);

/*
 * The hierarchy with @controller in which the container has a cgroup. NULL with @e set: @place asks
 * for something that needs the controller.
 */
const struct cgroup_hierarchy *plan_cgroup_need(struct planner *p, const char *controller,
						const char *place, struct err *e);

/*
 * 0 where the container has a cgroup in @h; else -1 with @e set: @place asks for something that
 * needs it.
 */
int plan_cgroup_check(struct planner *p, const struct cgroup_hierarchy *h, const char *place,
		      struct err *e);
