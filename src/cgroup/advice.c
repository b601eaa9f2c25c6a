/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/advice.c - hints for refusals of the kernel in a cgroup
 *
 * Runs in tare, after a write(2) or mkdir(2) that failed. A cgroup file has a dozen rules and few
 * errnos. The table has a row for each refusal that the user can do something about; its functions
 * read the values that the kernel compared with.
 */
#include "cgroup/advice.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/path.h"
#include "kernel/sys.h"

#define LIST_SIZE 128 /* of a list of CPUs that is shown */

struct refusal {
	const char *dir, *file;
	struct err *e;
};

static void parent_of(const char *dir, char parent[CGROUP_PATH])
{
	fmt_text(parent, CGROUP_PATH, "%s", dir);

	char *slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
}

/* The first line of @file; false where the file is missing or empty. */
static bool read_line(const char *dir, const char *file, char *line, size_t size)
{
	if (cgroup_read(dir, file, line, size) <= 0)
		return false;
	line[strcspn(line, "\n")] = '\0';

	return line[0] != '\0';
}

/* The number in @file; false where it has none: "max", "-1". */
static bool read_number(const char *dir, const char *file, unsigned long long *number)
{
	char line[64];

	return read_line(dir, file, line, sizeof(line)) && fmt_parse_u64(line, number) == 0;
}

/* ---- cpu ---- */

/* sched-bwc.rst: 1 ms is the shortest quota and period, 1 s the longest period. */
static void advise_bandwidth(const struct refusal *r)
{
	char parent[CGROUP_PATH];
	unsigned long long quota, period;

	parent_of(r->dir, parent);
	if (read_number(parent, "cpu.cfs_quota_us", &quota) &&
	    read_number(parent, "cpu.cfs_period_us", &period))
		err_hint(
			r->e,
			"quota and period are in microseconds and at least 1000; the parent cgroup "
			"has a quota of %llu in %llu, which those below can't exceed",
			quota, period);
	else
		err_hint(r->e, "quota and period are in microseconds: a quota is at least 1000 "
			       "(1 ms), a period 1000 to 1000000");
}

static void advise_weight(const struct refusal *r)
{
	unsigned long long idle;

	if (read_number(r->dir, "cpu.idle", &idle) && idle == 1)
		err_hint(r->e, "the cgroup is idle (cpu.idle is 1), and such a one takes no "
			       "shares: set /linux/resources/cpu/idle to 0 as well");
}

/* sched-rt-group.rst: all groups of a parent share its runtime, and a new group has 0. */
static void advise_realtime(const struct refusal *r)
{
	char parent[CGROUP_PATH];
	unsigned long long runtime, period;

	parent_of(r->dir, parent);
	if (read_number(parent, "cpu.rt_runtime_us", &runtime) &&
	    read_number(parent, "cpu.rt_period_us", &period))
		err_hint(r->e,
			 "the runtime is at most the period, and all cgroups of one parent share "
			 "its runtime: here %llu in %llu",
			 runtime, period);
}

/* ---- cpuset ---- */

static bool read_allowed(const char *dir, const char *const files[2], char list[LIST_SIZE])
{
	return read_line(dir, files[0], list, LIST_SIZE) ||
	       read_line(dir, files[1], list, LIST_SIZE);
}

/* cgroup v2 has the list in cpuset.cpus.effective, also where cpuset.cpus is empty. */
static void advise_cpus(const struct refusal *r)
{
	static const char *const files[2] = { "cpuset.cpus.effective", "cpuset.cpus" };
	char parent[CGROUP_PATH], list[LIST_SIZE];

	parent_of(r->dir, parent);
	if (read_allowed(parent, files, list))
		err_hint(r->e, "the parent cgroup has the CPUs %s", list);
}

static void advise_nodes(const struct refusal *r)
{
	static const char *const files[2] = { "cpuset.mems.effective", "cpuset.mems" };
	char parent[CGROUP_PATH], list[LIST_SIZE];

	parent_of(r->dir, parent);
	if (read_allowed(parent, files, list))
		err_hint(r->e, "the parent cgroup has the memory nodes %s", list);
}

/* ---- a file that is missing ---- */

#define PAGE_SIZES "/sys/kernel/mm/hugepages"

/* The kernel writes the size with the largest unit that leaves it whole: "2MB", never "2048KB". */
bool cgroup_lacks_page_size(const char *file)
{
	static const char *const units[] = { "KB", "MB", "GB" };
	const char front[] = "hugetlb.", *size = file + strlen(front);
	unsigned long long number = 0;

	if (strncmp(file, front, strlen(front)) != 0 ||
	    sys_access_at(AT_FDCWD, PAGE_SIZES, F_OK) < 0)
		return false;
	for (; *size >= '0' && *size <= '9' && number < UINT32_MAX; size++)
		number = number * 10 + (unsigned) (*size - '0');
	for (size_t k = 0; k < ARRAY_SIZE(units); k++) {
		char path[96];

		if (strncmp(size, units[k], 2) != 0 || size[2] != '.' || number >= 1024)
			continue;
		fmt_text(path, sizeof(path), PAGE_SIZES "/hugepages-%llukB", number << 10 * k);
		return sys_access_at(AT_FDCWD, path, F_OK) < 0;
	}

	return true;
}

/*
 * cgroups(7), "no internal processes": a cgroup with processes can't enable controllers for its
 * children. The root, which has no cgroup.type, can.
 */
static bool advise_busy_parent(const struct refusal *r, int length)
{
	char parent[CGROUP_PATH], have[512], processes[32], word[64], type[32];

	parent_of(r->dir, parent);
	if (!read_line(parent, "cgroup.type", type, sizeof(type)) ||
	    cgroup_read(parent, "cgroup.controllers", have, sizeof(have)) <= 0 ||
	    cgroup_read(parent, "cgroup.procs", processes, sizeof(processes)) <= 0)
		return false;
	fmt_text(word, sizeof(word), "%.*s", length, r->file);
	if (!strstr(have, word))
		return false;
	err_hint(r->e,
		 "processes are in the parent cgroup \"%s\", which can't hand its %s controller on "
		 "then: move them to a cgroup below it, or name another cgroupsPath",
		 parent, word);

	return true;
}

static void advise_missing(const struct refusal *r)
{
	int length = (int) strcspn(r->file, ".");
	char type[32];

	if (strncmp(r->file, "memory.memsw.", 13) == 0) {
		err_hint(r->e, "the kernel counts no swap: boot it with swapaccount=1");
		return;
	}
	if (read_line(r->dir, "cgroup.type", type, sizeof(type)) && strcmp(type, "threaded") == 0) {
		err_hint(r->e,
			 "the cgroup is threaded, as others below the same one are, and such a one "
			 "has controllers of threads only (cpu, cpuset, perf_event, pids): name "
			 "another cgroupsPath");
		return;
	}
	if (strncmp(r->file, "cgroup.", 7) == 0) {
		err_hint(r->e, "this kernel's cgroups have no file of this name");
		return;
	}
	if (cgroup_lacks_page_size(r->file)) {
		err_hint(r->e, "the sizes of huge pages are those in " PAGE_SIZES);
		return;
	}
	if (advise_busy_parent(r, length))
		return;
	err_hint(r->e,
		 "the kernel or the parent cgroup has no %.*s controller or not this file of it",
		 length, r->file);
}

/* ---- the table ---- */

struct advice {
	const char *file; /* with a `*` at its end: a prefix */
	int code;
	const char *hint; /* NULL: @advise writes the hint */
	void (*advise)(const struct refusal *r);
};

static const struct advice advices[] = {
	{ .file = "cpu.cfs_quota_us", .code = EINVAL, .advise = advise_bandwidth },
	{ .file = "cpu.cfs_period_us", .code = EINVAL, .advise = advise_bandwidth },
	{ .file = "cpu.max", .code = EINVAL, .advise = advise_bandwidth },
	{ .file = "cpu.max", .code = ERANGE, .advise = advise_bandwidth },
	{ .file = "cpu.cfs_burst_us",
	  .code = EINVAL,
	  .hint = "a burst is at most as long as the quota" },
	{ .file = "cpu.max.burst",
	  .code = EINVAL,
	  .hint = "a burst is at most as long as the quota" },
	{ .file = "cpu.shares", .code = EINVAL, .advise = advise_weight },
	{ .file = "cpu.weight", .code = EINVAL, .advise = advise_weight },
	{ .file = "cpu.rt_*", .code = EINVAL, .advise = advise_realtime },
	{ .file = "cpu.rt_*",
	  .code = EBUSY,
	  .hint = "processes of real-time priority are in the cgroup" },
	{ .file = "cpuset.cpus", .code = EACCES, .advise = advise_cpus },
	{ .file = "cpuset.cpus", .code = EINVAL, .advise = advise_cpus },
	{ .file = "cpuset.cpus", .code = ERANGE, .advise = advise_cpus },
	{ .file = "cpuset.mems", .code = EACCES, .advise = advise_nodes },
	{ .file = "cpuset.mems", .code = EINVAL, .advise = advise_nodes },
	{ .file = "cpuset.mems", .code = ERANGE, .advise = advise_nodes },
	{ .file = "cpuset.*",
	  .code = EBUSY,
	  .hint = "cgroups below it use some of what would be taken away" },
	{ .file = "cpuset.*",
	  .code = ENOSPC,
	  .hint = "processes are in the cgroup, and would be left without" },
	{ .file = "memory.limit_in_bytes",
	  .code = EINVAL,
	  .hint = "it may be above the limit of memory and swap: change that one, too" },
	{ .file = "memory.memsw.limit_in_bytes",
	  .code = EINVAL,
	  .hint = "memory and swap together can't be less than the limit of memory" },
	{ .file = "memory.kmem.*",
	  .code = EOPNOTSUPP,
	  .hint = "this kernel has no limit of its own for kernel memory any more" },
	{ .file = "memory.*", .code = EBUSY, .hint = "the container uses more memory than that" },
	{ .file = "blkio.*weight_device",
	  .code = EOPNOTSUPP,
	  .hint = "only a disk with the bfq scheduler has weights: echo bfq "
		  ">/sys/block/DISK/queue/scheduler" },
	{ .file = "io.bfq.weight",
	  .code = EOPNOTSUPP,
	  .hint = "only a disk with the bfq scheduler has weights: echo bfq "
		  ">/sys/block/DISK/queue/scheduler" },
	{ .file = "blkio.*",
	  .code = ENODEV,
	  .hint = "no disk has these numbers; a partition has no limits of its own, its disk has" },
	{ .file = "io.*",
	  .code = ENODEV,
	  .hint = "no disk has these numbers; a partition has no limits of its own, its disk has" },
	{ .file = "rdma.max",
	  .code = ENODEV,
	  .hint = "the RDMA devices are those in /sys/class/infiniband" },
	{ .file = "rdma.max",
	  .code = EINVAL,
	  .hint = "the RDMA devices are those in /sys/class/infiniband" },
	{ .file = "misc.max",
	  .code = EINVAL,
	  .hint = "what can be limited is listed in misc.capacity of the root cgroup" },
	{ .file = "net_prio.ifpriomap",
	  .code = ENODEV,
	  .hint = "the interface is looked for in tare's own network namespace" },
	{ .file = "*", .code = ENOENT, .advise = advise_missing },
	{ .file = "*",
	  .code = EROFS,
	  .hint = "the cgroup file system is mounted read-only here, as in an outer container" },
	{ .file = "*",
	  .code = EACCES,
	  .hint = "the cgroup was not given to this user: have it delegated, or ask for no limits" },
	{ .file = "*",
	  .code = EPERM,
	  .hint = "the cgroup was not given to this user: have it delegated, or ask for no limits" },
};

/* Does @file match @pattern, which has at most one `*`? */
static bool matches(const char *pattern, const char *file)
{
	size_t front = strcspn(pattern, "*");
	const char *tail = pattern[front] == '*' ? pattern + front + 1 : NULL;
	size_t length = strlen(file), end = tail ? strlen(tail) : 0;

	if (!tail)
		return strcmp(pattern, file) == 0;

	return length >= front + end && strncmp(pattern, file, front) == 0 &&
	       strcmp(file + length - end, tail) == 0;
}

int cgroup_advise_file(const char *dir, const char *file, struct err *e)
{
	const struct refusal refusal = { dir, file, e };

	for (size_t i = 0; i < ARRAY_SIZE(advices) && e->hint[0] == '\0'; i++) {
		if (advices[i].code != e->code || !matches(advices[i].file, file))
			continue;
		if (advices[i].hint)
			err_hint(e, "%s", advices[i].hint);
		else
			advices[i].advise(&refusal);
	}

	return -1;
}

/* mkdir(2) in a cgroup file system: cgroups(7), "cgroup.max.depth" and "cgroup.max.descendants". */
int cgroup_advise_make(struct err *e)
{
	if (e->code == EAGAIN)
		err_hint(e, "cgroup.max.descendants or cgroup.max.depth of a cgroup above it is "
			    "reached");
	if (e->code == ENOSPC)
		err_hint(e, "the kernel has no number left for another cgroup of this hierarchy: "
			    "are there ten thousands that nobody removed?");
	if (e->code == EROFS)
		err_hint(e, "the cgroup file system is mounted read-only here, as in an outer "
			    "container");

	return -1;
}

int cgroup_advise_join(const char *dir, struct err *e)
{
	char controllers[512];

	switch (e->code) {
	case EINVAL: /* v1's cpu controller with CONFIG_RT_GROUP_SCHED returns EINVAL */
		return err_hint(e, "a process of real-time priority needs cpu.rt_runtime_us there: "
				   "give /linux/resources/cpu/realtimeRuntime, or start tare "
				   "without chrt");
	case EBUSY:
		if (!read_line(dir, "cgroup.subtree_control", controllers, sizeof(controllers)))
			return -1;
		return err_hint(
			e,
			"it hands its controllers (%s) on to cgroups below it, and can have "
			"no processes itself then: cgroups(7), \"no internal processes\"",
			controllers);
	case EOPNOTSUPP:
		return err_hint(e, "the cgroup is below a threaded one, or is invalid itself: see "
				   "its cgroup.type");
	case ENOSPC:
		return err_hint(e, "its cpuset has no CPUs or no memory nodes");
	case EACCES:
	case EPERM:
		return err_hint(e,
				"to move a process takes the right to write cgroup.procs of both "
				"cgroups and of the one above both: cgroups(7), \"Cgroup "
				"delegation containment\"");
	default:
		return -1;
	}
}
