/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/resources_harness.h - linux.resources planned for cgroup mounts of a test's own
 *
 * They are plain directories: planning only asks what is there and whether it could be written. In
 * the expected text `@` stands for where they are.
 */
#pragma once

#include "top_harness.h"

static struct cgroup_hierarchy v1[] = {
	{ .controllers = "memory", .own = "/job" },
	{ .controllers = "cpu,cpuacct", .own = "/" },
	{ .controllers = "cpuset", .own = "/" },
	{ .controllers = "pids", .own = "/" },
	{ .controllers = "devices", .own = "/" },
	{ .controllers = "blkio", .own = "/" },
	{ .controllers = "hugetlb", .own = "/" },
	{ .controllers = "net_cls,net_prio", .own = "/" },
	{ .controllers = "rdma", .own = "/" },
};
static struct cgroup_hierarchy v2[] = { { .controllers = "", .own = "/job/tare", .v2 = true } };
static struct cgroup_hierarchy hybrid[] = {
	{ .controllers = "memory", .own = "/job" },
	{ .controllers = "", .own = "/job/tare", .v2 = true },
};

static const struct cgroup_layout on_v1 = { CGROUP_V1, v1, sizeof(v1) / sizeof(v1[0]) };
static const struct cgroup_layout on_v2 = { CGROUP_V2, v2, 1 };
static const struct cgroup_layout on_hybrid = { CGROUP_HYBRID, hybrid, 2 };
static const struct cgroup_layout on_none = { .mode = CGROUP_NONE };

static int make_mounts(void **state)
{
	static const char *const dirs[] = { "memory",  "memory/job", "cpu",	   "cpuset", "pids",
					    "devices", "blkio",	     "hugetlb",	   "net",    "rdma",
					    "v2",      "v2/job",     "v2/job/tare" };

	(void) state;
	make_top();
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(dirs[i]);
	make_file("v2/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
	make_file("v2/cgroup.procs", "");
	make_file("v2/job/cgroup.procs", "");
	v1[0].mount = hybrid[0].mount = below_top("memory");
	v1[1].mount = below_top("cpu");
	v1[2].mount = below_top("cpuset");
	v1[3].mount = below_top("pids");
	v1[4].mount = below_top("devices");
	v1[5].mount = below_top("blkio");
	v1[6].mount = below_top("hugetlb");
	v1[7].mount = below_top("net");
	v1[8].mount = below_top("rdma");
	v2[0].mount = hybrid[1].mount = below_top("v2");

	return 0;
}

static struct plan_case on(const struct cgroup_layout *layout, plan_subject *subject)
{
	struct plan_case c = plan_case_of_root();

	c.facts.cgroups = *layout;
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = subject;

	return c;
}

/* Of linux.resources, in double quotes' stead single ones. */
static const char *with_resources(const char *resources)
{
	static char json[8192];

	fmt_text(json, sizeof(json),
		 "{'ociVersion':'1.3.0','linux':{'cgroupsPath':'/a','resources':{%s}}}", resources);
	for (char *at = json; *at; at++)
		if (*at == '\'')
			*at = '"';

	return json;
}

static inline void limits(const struct cgroup_layout *layout, const char *resources,
			  const char *text)
{
	struct plan_case c = on(layout, plan_resources);

	gives(&c, with_resources(resources), text);
}

static inline void no_limits(const struct cgroup_layout *layout, const char *resources,
			     const char *line)
{
	struct plan_case c = on(layout, plan_resources);

	refuses(&c, with_resources(resources), line);
}
