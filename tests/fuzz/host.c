/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/host.c - hosts to plan for
 *
 * Planning only looks, so the cgroup file systems may be plain directories with a few files.
 */
#include "tests/fuzz/host.h"

#include "base/fmt.h"
#include "base/table.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

static const struct {
	const char *name, *controllers;
} mounts[] = {
	{ "memory", "memory" },	  { "cpu", "cpu,cpuacct" },	 { "cpuset", "cpuset" },
	{ "pids", "pids" },	  { "devices", "devices" },	 { "blkio", "blkio" },
	{ "hugetlb", "hugetlb" }, { "net", "net_cls,net_prio" }, { "rdma", "rdma" },
	{ "freezer", "freezer" }, { "systemd", "name=systemd" }, { "v2", "" },
};

#define V2 (ARRAY_SIZE(mounts) - 1)

static struct cgroup_hierarchy hierarchies[ARRAY_SIZE(mounts)];

static const struct {
	const char *name, *text;
} files[] = {
	{ "v2/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n" },
	{ "v2/cgroup.procs", "" },
	{ "v2/web/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n" },
	{ "v2/web/cpu.max", "50000 100000\n" },
	{ "v2/web/memory.max", "max\n" },
	{ "v2/web/memory.swap.max", "max\n" },
	{ "v2/web/memory.current", "1000000\n" },
	{ "cpu/web/cpu.cfs_quota_us", "-1\n" },
	{ "cpu/web/cpu.cfs_period_us", "100000\n" },
	{ "memory/web/memory.limit_in_bytes", "9223372036854771712\n" },
	{ "memory/web/memory.memsw.limit_in_bytes", "9223372036854771712\n" },
	{ "memory/web/memory.usage_in_bytes", "1000000\n" },
};

static void make_directory(const char *name, const char *below)
{
	char path[600];

	fmt_text(path, sizeof(path), "%s/%s%s", fuzz_directory(), name, below);
	fuzz_check(mkdir(path, 0755) == 0);
}

static void make_all(void)
{
	static char paths[ARRAY_SIZE(mounts)][600];

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		make_directory(mounts[i].name, "");
		make_directory(mounts[i].name, "/web");
		fmt_text(paths[i], sizeof(paths[i]), "%s/%s", fuzz_directory(), mounts[i].name);
		hierarchies[i] = (struct cgroup_hierarchy) {
			.controllers = mounts[i].controllers,
			.mount = paths[i],
			.own = "/",
			.v2 = i == V2,
		};
	}
	/* Of the bundle: the seeds all have their root there. */
	make_directory("rootfs", "");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		fuzz_file(files[i].name, files[i].text, strlen(files[i].text));
}

static struct cgroup_layout layout(unsigned which)
{
	if (!hierarchies[0].mount)
		make_all();
	switch (which % 4) {
	case 0:
		return (struct cgroup_layout) { CGROUP_V2, &hierarchies[V2], 1 };
	case 1:
		return (struct cgroup_layout) { CGROUP_V1, hierarchies, V2 };
	case 2:
		return (struct cgroup_layout) { CGROUP_HYBRID, hierarchies, V2 + 1 };
	default:
		return (struct cgroup_layout) { .mode = CGROUP_NONE };
	}
}

static void choose_options(unsigned bits, struct plan_options *o)
{
	static const char *const with_names[] = { "LISTEN_FDNAMES=a:b", NULL };
	static const char *const with_bus[] = { "XDG_RUNTIME_DIR=/run/user/1000", NULL };

	*o = (struct plan_options) {
		.id = "web",
		.bundle = fuzz_directory(),
		.state_dir = "/run/tare/web",
		.wait_for_start = bits & 1,
		.pass_console = bits & 2,
		.detach = bits & 4,
		.flags = {
			.no_pivot = bits & 8,
			.no_new_keyring = bits & 16,
			.systemd_cgroup = bits & 32,
			.no_cgroup = (bits & 0x1c0) == 0x1c0,
			.preserve_fds = bits & 64 ? 3 : 0,
		},
		.listen_fds = bits & 128 ? 2 : 0,
		.own_env = bits & 128 ? with_names : bits & 256 ? with_bus : NULL,
	};
}

void host_choose(unsigned choice, struct facts *facts, struct plan_options *options)
{
	bool user = choice & 4;

	*facts = (struct facts) {
		.euid = user ? 1000 : 0,
		.egid = user ? 1001 : 0,
		.umask = 022,
		.capabilities = user ? 0 : ~(uint64_t) 0,
		.last_cap = 40,
		.initial_userns = choice & 8,
		.setgroups_allowed = choice & 16,
		.user_name = user ? "alice" : NULL,
		.cgroups = layout(choice),
		.selinux = choice & 32,
		.apparmor = choice & 64,
		.apparmor_attributes = choice & 64,
		.seccomp_flags = ~0U,
		.resctrl = "/sys/fs/resctrl",
	};
	if (user && choice & 8)
		facts->sub_uids = facts->sub_gids =
			(struct id_range) { .inside = 1, .outside = 100000, .count = 65536 };
	facts->systemd = (struct systemd_facts) {
		.booted = true,
		.first = true,
		.user = user,
		.uid = facts->euid,
		.root = "",
	};
	choose_options(choice >> 7, options);
}

void host_describe(const struct plan *plan, const char *const *warnings)
{
	char text[4096];

	for (size_t i = 0; i < plan->step_count; i++) {
		fuzz_check(plan->steps[i].place);
		step_describe(&plan->steps[i], text, sizeof(text));
		fuzz_check(strlen(text) < sizeof(text));
	}
	for (; *warnings; warnings++)
		fuzz_check(**warnings != '\0');
}

const char *const *host_cgroups(const struct facts *facts, struct arena *a)
{
	const struct cgroup_layout *l = &facts->cgroups;
	const char **dirs = arena_array(a, l->count + 1, sizeof(*dirs));

	for (size_t i = 0; i < l->count; i++)
		dirs[i] = arena_printf(a, "%s/web", l->hierarchies[i].mount);

	return dirs;
}
