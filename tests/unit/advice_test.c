/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/advice_test.c - cgroup/advice.c, on directories that look like cgroups
 *
 * A directory PARENT/child in /tmp holds the files that the kernel would have compared with.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/advice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char parent[64], child[80];
static struct err e;

static void put(const char *dir, const char *file, const char *text)
{
	char path[256];

	fmt_text(path, sizeof(path), "%s/%s", dir, file);

	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void) state;
	fmt_text(parent, sizeof(parent), "/tmp/advice-XXXXXX");
	if (!mkdtemp(parent))
		return -1;
	fmt_text(child, sizeof(child), "%s/child", parent);

	return mkdir(child, 0700);
}

static int tear_down(void **state)
{
	char line[256];

	(void) state;
	fmt_text(line, sizeof(line), "rm -r %s", parent);

	return system(line);
}

/* The hint for @code of a write to @file; "" for none. */
static const char *hint(const char *file, int code)
{
	err_sys(&e, -code, "write");
	assert_int_equal(cgroup_advise_file(child, file, &e), -1);

	return e.hint;
}

static void a_quota_hears_the_smallest_and_that_of_the_parent(void **state)
{
	(void) state;
	assert_non_null(strstr(hint("cpu.max", EINVAL), "at least 1000 (1 ms)"));
	assert_non_null(strstr(hint("cpu.cfs_quota_us", EINVAL), "at least 1000 (1 ms)"));
	put(parent, "cpu.cfs_quota_us", "-1\n");
	put(parent, "cpu.cfs_period_us", "100000\n");
	assert_non_null(strstr(hint("cpu.cfs_quota_us", EINVAL), "at least 1000 (1 ms)"));
	put(parent, "cpu.cfs_quota_us", "20000\n");
	assert_non_null(strstr(hint("cpu.cfs_quota_us", EINVAL), "a quota of 20000 in 100000"));
}

static void cpus_and_nodes_are_those_of_the_parent(void **state)
{
	(void) state;
	assert_string_equal(hint("cpuset.cpus", ERANGE), "");
	put(parent, "cpuset.cpus", "0-3,7\n");
	put(parent, "cpuset.mems", "0\n");
	assert_string_equal(hint("cpuset.cpus", ERANGE), "the parent cgroup has the CPUs 0-3,7");
	assert_string_equal(hint("cpuset.cpus", EACCES), "the parent cgroup has the CPUs 0-3,7");
	assert_string_equal(hint("cpuset.mems", EINVAL),
			    "the parent cgroup has the memory nodes 0");
	put(parent, "cpuset.cpus.effective", "2\n");
	assert_string_equal(hint("cpuset.cpus", EINVAL), "the parent cgroup has the CPUs 2");
}

static void only_an_idle_cgroup_is_told_to_be_idle(void **state)
{
	(void) state;
	assert_string_equal(hint("cpu.shares", EINVAL), "");
	put(child, "cpu.idle", "0\n");
	assert_string_equal(hint("cpu.shares", EINVAL), "");
	put(child, "cpu.idle", "1\n");
	assert_non_null(strstr(hint("cpu.shares", EINVAL), "cpu.idle is 1"));
	assert_non_null(strstr(hint("cpu.weight", EINVAL), "cpu.idle is 1"));
}

static void realtime_is_held_against_the_parents(void **state)
{
	(void) state;
	put(parent, "cpu.rt_runtime_us", "950000\n");
	put(parent, "cpu.rt_period_us", "1000000\n");
	assert_non_null(strstr(hint("cpu.rt_runtime_us", EINVAL), "950000 in 1000000"));
	assert_non_null(strstr(hint("cpu.rt_period_us", EINVAL), "950000 in 1000000"));
}

static void a_busy_parent_is_named_only_where_it_has_the_controller(void **state)
{
	const char *plain = "the kernel or the parent cgroup has no memory controller or not this "
			    "file of it";

	(void) state;
	assert_string_equal(hint("memory.max", ENOENT), plain);
	put(parent, "cgroup.controllers", "cpu pids\n");
	put(parent, "cgroup.procs", "17\n");
	assert_string_equal(hint("memory.max", ENOENT), plain);
	put(parent, "cgroup.controllers", "cpu memory pids\n");
	/* The root has no such file. */
	assert_string_equal(hint("memory.max", ENOENT), plain);
	put(parent, "cgroup.type", "domain\n");
	assert_non_null(strstr(hint("memory.max", ENOENT), "can't hand its memory controller on"));
	assert_non_null(strstr(e.hint, parent));
	put(parent, "cgroup.procs", "");
	assert_string_equal(hint("memory.max", ENOENT), plain);
	assert_non_null(strstr(hint("memory.memsw.limit_in_bytes", ENOENT), "swapaccount=1"));
}

static void each_of_these_has_its_hint(void **state)
{
	static const struct {
		const char *file;
		int code;
		const char *words;
	} cases[] = {
		{ "blkio.bfq.weight_device", EOPNOTSUPP, "bfq scheduler" },
		{ "blkio.weight_device", EOPNOTSUPP, "bfq scheduler" },
		{ "io.bfq.weight", EOPNOTSUPP, "bfq scheduler" },
		{ "io.max", ENODEV, "a partition has no limits" },
		{ "blkio.throttle.read_bps_device", ENODEV, "a partition has no limits" },
		{ "memory.limit_in_bytes", EBUSY, "uses more memory" },
		{ "memory.limit_in_bytes", EINVAL, "limit of memory and swap" },
		{ "memory.memsw.limit_in_bytes", EINVAL, "can't be less" },
		{ "memory.kmem.limit_in_bytes", EOPNOTSUPP, "any more" },
		{ "cpu.max.burst", EINVAL, "as long as the quota" },
		{ "cpuset.cpus", EBUSY, "cgroups below" },
		{ "cpuset.mems", ENOSPC, "left without" },
		{ "rdma.max", ENODEV, "/sys/class/infiniband" },
		{ "misc.max", EINVAL, "misc.capacity" },
		{ "net_prio.ifpriomap", ENODEV, "network namespace" },
		{ "pids.max", EROFS, "read-only" },
		{ "pids.max", EACCES, "delegated" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strstr(hint(cases[i].file, cases[i].code), cases[i].words))
			fail_msg("%s, errno %d: \"%s\"", cases[i].file, cases[i].code, e.hint);
}

static void what_nobody_can_help_has_none(void **state)
{
	(void) state;
	assert_string_equal(hint("pids.max", EINVAL), "");
	assert_string_equal(hint("io.max", EOPNOTSUPP), "");
	assert_string_equal(hint("memory.max", ENOMEM), "");
}

static void a_hint_that_is_there_stays(void **state)
{
	(void) state;
	err_sys(&e, -EROFS, "write");
	err_hint(&e, "first");
	cgroup_advise_file(child, "pids.max", &e);
	assert_string_equal(e.hint, "first");
}

static const char *join_hint(int code)
{
	err_sys(&e, -code, "join");
	assert_int_equal(cgroup_advise_join(child, &e), -1);

	return e.hint;
}

static void joining_tells_the_rule_that_is_broken(void **state)
{
	(void) state;
	assert_string_equal(join_hint(EBUSY), "");
	put(child, "cgroup.subtree_control", "cpu memory\n");
	assert_non_null(strstr(join_hint(EBUSY), "(cpu memory)"));
	assert_non_null(strstr(join_hint(EOPNOTSUPP), "cgroup.type"));
	assert_non_null(strstr(join_hint(EACCES), "delegation"));
	assert_non_null(strstr(join_hint(EINVAL), "realtimeRuntime"));
	assert_string_equal(join_hint(ESRCH), "");
}

static void making_tells_which_limit_is_reached(void **state)
{
	(void) state;
	err_sys(&e, -EAGAIN, "make");
	cgroup_advise_make(&e);
	assert_non_null(strstr(e.hint, "cgroup.max.descendants"));
	err_sys(&e, -EACCES, "make");
	cgroup_advise_make(&e);
	assert_string_equal(e.hint, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_quota_hears_the_smallest_and_that_of_the_parent),
		TEST(cpus_and_nodes_are_those_of_the_parent),
		TEST(only_an_idle_cgroup_is_told_to_be_idle),
		TEST(realtime_is_held_against_the_parents),
		TEST(a_busy_parent_is_named_only_where_it_has_the_controller),
		TEST(each_of_these_has_its_hint),
		TEST(what_nobody_can_help_has_none),
		TEST(a_hint_that_is_there_stays),
		TEST(joining_tells_the_rule_that_is_broken),
		TEST(making_tells_which_limit_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
