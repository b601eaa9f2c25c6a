/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/resources.c - linux.resources: the limits of the container
 *
 * Only their order; limits.h says what they have in common.
 */
#include "plan/resources.h"

#include "base/table.h"
#include "plan/limits.h"

int resources_plan(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	static limits_subject
		*const subjects[] = {
			limits_memory,	limits_cpu,	   limits_pids, limits_block_io,
			limits_network, limits_huge_pages, limits_rdma, limits_devices,
			limits_unified, /* files by name: it has the last word */
		};

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i](p, r, e) < 0)
			return -1;

	return 0;
}

int plan_resources(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	return linux && linux->resources ? resources_plan(p, linux->resources, e) : 0;
}
