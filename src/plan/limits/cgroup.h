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
 * The container's directory in @h, absolute, in the arena; NULL where we may not make one there, or
 * are told to make none. Only after plan_cgroup() has accepted the path.
 */
const char *plan_cgroup_dir(struct planner *p, const struct cgroup_hierarchy *h);

/*
 * With a limit of 0 processes none can be born in the cgroup, but one can be moved there or be
 * there already: so this step comes after the birth.
 */
void plan_cgroup_limit_pids_to_none(struct planner *p);

/*
 * The hierarchy with @controller in which the container has a cgroup. NULL with @e told: @place
 * asks for something that can't be had.
 */
const struct cgroup_hierarchy *plan_cgroup_need(struct planner *p, const char *controller,
						const char *place, struct err *e);

/* 0 where the container has a cgroup in @h; else -1 with @e told: @place asks for something in it. */
int plan_cgroup_check(struct planner *p, const struct cgroup_hierarchy *h, const char *place,
		      struct err *e);
