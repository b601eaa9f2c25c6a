/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/resources.h - linux.resources for others than plan.c: update, and the tests
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct planner;
struct oci_linux_resources;

/*
 * Append the steps for @r. The container's cgroups are those of plan_cgroup_dir(); they may be
 * there already, with a running container in them. 0, or -1 with @e set.
 */
int resources_plan(struct planner *p, const struct oci_linux_resources *r, struct err *e);

/*
 * cpu.shares of v1 as cpu.weight of v2: ceil(10^((l^2 + 125 l) / 612 - 7 / 34)), l = log2(shares),
 * between 1 and 10000; 2 is 1, 1024 is 100, 262144 is 10000.
 */
unsigned resources_cpu_weight(uint64_t shares);
