/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_update_test.c - which files update writes, and in which order, on made-up cgroups
 */
#include "base/fmt.h"
#include "libocispec/decode.h"
#include "plan/limits/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

static char top[] = "/tmp/tare-update-XXXXXX";
static struct arena arena;

static void put(const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(&arena, "%s/%s", top, name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_top(void **state)
{
	(void) state;
	arena_open(&arena);
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));

	return mkdir(arena_printf(&arena, "%s/c", top), 0700);
}

static int remove_top(void **state)
{
	char command[128];

	(void) state;
	fmt_text(command, sizeof(command), "rm -r %s", top);

	return system(command);
}

/* The steps for @json as `file=value` with blanks between, or the error; one hierarchy with all. */
static const char *planned(const char *json, bool v2)
{
	static char text[2048];
	const struct cgroup_hierarchy h = {
		.controllers = v2 ? "" : "memory,cpu,cpuset,pids",
		.mount = top,
		.own = "/",
		.v2 = v2,
	};
	const struct facts facts = {
		.cgroups = { .mode = v2 ? CGROUP_V2 : CGROUP_V1, .hierarchies = &h, .count = 1 },
	};
	const char *const dirs[] = { arena_printf(&arena, "%s/c", top), NULL };
	const struct step *steps;
	struct err e = { 0 };
	void *resources;
	size_t count, used = 0;

	if (v2)
		put("cgroup.controllers", "cpuset cpu memory pids\n");
	if (oci_decode(&oci_linux_resources_type, json, strlen(json), &arena, &resources, NULL,
		       &e) < 0)
		fail_msg("%s", e.text);
	if (plan_update(resources, dirs, &facts, &arena, &steps, &count, &e) < 0) {
		fmt_text(text, sizeof(text), "%s: %s", e.place, e.text);
		return text;
	}
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(steps[i].cgroup_file.directory, dirs[0]);
		used += fmt_text(text + used, sizeof(text) - used, "%s%s=%s", i > 0 ? " " : "",
				 steps[i].cgroup_file.file, steps[i].cgroup_file.value);
	}

	return text;
}

static void what_asks_for_nothing_writes_nothing(void **state)
{
	(void) state;
	for (int v2 = 0; v2 < 2; v2++) {
		assert_string_equal(planned("{}", v2), "");
		assert_string_equal(planned("{\"memory\":{\"limit\":0},\"cpu\":{\"quota\":0},"
					    "\"devices\":[{\"allow\":false}]}",
					    v2),
				    "");
	}
}

static void v1_memory_and_swap_are_in_the_order_the_kernel_takes(void **state)
{
	(void) state;
	put("c/memory.limit_in_bytes", "1000\n");
	put("c/memory.memsw.limit_in_bytes", "2000\n");
	assert_string_equal(planned("{\"memory\":{\"limit\":500,\"swap\":600}}", false),
			    "memory.limit_in_bytes=500 memory.memsw.limit_in_bytes=600");
	assert_string_equal(planned("{\"memory\":{\"limit\":2000,\"swap\":2000}}", false),
			    "memory.limit_in_bytes=2000 memory.memsw.limit_in_bytes=2000");
	assert_string_equal(planned("{\"memory\":{\"limit\":3000,\"swap\":4000}}", false),
			    "memory.memsw.limit_in_bytes=4000 memory.limit_in_bytes=3000");
	assert_string_equal(planned("{\"memory\":{\"limit\":-1}}", false),
			    "memory.memsw.limit_in_bytes=-1 memory.limit_in_bytes=-1");
	assert_string_equal(planned("{\"memory\":{\"swap\":4000}}", false),
			    "memory.limit_in_bytes=1000 memory.memsw.limit_in_bytes=4000");
	assert_string_equal(
		planned("{\"memory\":{\"swap\":900}}", false),
		"/linux/resources/memory/swap: memory+swap limit 900 should be >= memory limit 1000");
	put("c/memory.limit_in_bytes", "9223372036854771712\n");
	assert_string_equal(
		planned("{\"memory\":{\"swap\":4000}}", false),
		"/linux/resources/memory/swap: unable to set swap limit without memory limit");
}

static void v1_quota_and_period_are_in_the_order_the_kernel_takes(void **state)
{
	(void) state;
	put("c/cpu.cfs_quota_us", "50000\n");
	put("c/cpu.cfs_period_us", "100000\n");
	put("c/cpu.cfs_burst_us", "20000\n");
	assert_string_equal(planned("{\"cpu\":{\"quota\":20000,\"period\":40000}}", false),
			    "cpu.cfs_quota_us=20000 cpu.cfs_period_us=40000");
	assert_string_equal(planned("{\"cpu\":{\"quota\":60000,\"period\":200000}}", false),
			    "cpu.cfs_period_us=200000 cpu.cfs_quota_us=60000");
	assert_string_equal(
		planned("{\"cpu\":{\"quota\":10000,\"burst\":10000}}", false),
		"cpu.cfs_burst_us=10000 cpu.cfs_period_us=100000 cpu.cfs_quota_us=10000");
	assert_string_equal(
		planned("{\"cpu\":{\"quota\":90000,\"burst\":80000}}", false),
		"cpu.cfs_period_us=100000 cpu.cfs_quota_us=90000 cpu.cfs_burst_us=80000");
}

static void v2_quota_and_period_keep_each_other(void **state)
{
	(void) state;
	put("c/cpu.max", "50000 80000\n");
	assert_string_equal(planned("{\"cpu\":{\"quota\":20000}}", true), "cpu.max=20000 80000");
	assert_string_equal(planned("{\"cpu\":{\"quota\":-1}}", true), "cpu.max=max 80000");
	assert_string_equal(planned("{\"cpu\":{\"period\":100000}}", true), "cpu.max=50000 100000");
	put("c/cpu.max", "max 80000\n");
	assert_string_equal(planned("{\"cpu\":{\"period\":100000}}", true), "cpu.max=max 100000");
	assert_string_equal(planned("{\"cpu\":{\"quota\":7000,\"period\":9000}}", true),
			    "cpu.max=7000 9000");
	put("c/cpu.max.burst", "20000\n");
	assert_string_equal(planned("{\"cpu\":{\"quota\":10000,\"burst\":10000}}", true),
			    "cpu.max.burst=10000 cpu.max=10000 80000");
}

static void v2_swap_goes_with_the_limit_in_force(void **state)
{
	(void) state;
	put("c/memory.max", "1000\n");
	assert_string_equal(planned("{\"memory\":{\"swap\":4000}}", true),
			    "memory.max=1000 memory.swap.max=3000");
	assert_string_equal(planned("{\"memory\":{\"limit\":-1}}", true),
			    "memory.swap.max=max memory.max=max");
}

static void defaults_are_written(void **state)
{
	(void) state;
	assert_string_equal(planned("{\"cpu\":{\"shares\":1024,\"idle\":0,\"burst\":0}}", true),
			    "cpu.max.burst=0 cpu.idle=0 cpu.weight=100");
	assert_string_equal(planned("{\"cpu\":{\"shares\":1024,\"idle\":1}}", true), "cpu.idle=1");
	assert_string_equal(planned("{\"memory\":{\"disableOOMKiller\":false}}", false),
			    "memory.oom_control=0");
	assert_string_equal(planned("{\"memory\":{\"disableOOMKiller\":false}}", true), "");
	assert_string_equal(planned("{\"pids\":{\"limit\":0}}", true), "pids.max=0");
}

static void a_limit_of_both_is_not_lost(void **state)
{
	(void) state;
	put("c/memory.memsw.limit_in_bytes", "950\n");
	assert_string_equal(planned("{\"memory\":{\"limit\":951}}", false),
			    "/linux/resources/memory/limit: the limit 951 is above that of memory "
			    "and swap, 950");
	assert_string_equal(planned("{\"memory\":{\"limit\":950}}", false),
			    "memory.limit_in_bytes=950");
	assert_string_equal(planned("{\"memory\":{\"limit\":951,\"swap\":951}}", false),
			    "memory.memsw.limit_in_bytes=951 memory.limit_in_bytes=951");
}

/* A quota would get another period, swap another limit. */
static void what_is_in_force_must_be_readable(void **state)
{
	(void) state;
	assert_int_equal(mkdir(arena_printf(&arena, "%s/c/cpu.max", top), 0700), 0);
	assert_string_equal(planned("{\"cpu\":{\"quota\":20000}}", true),
			    ": read what limits are in force: is a directory");
	assert_int_equal(mkdir(arena_printf(&arena, "%s/c/memory.max", top), 0700), 0);
	assert_string_equal(planned("{\"memory\":{\"swap\":4000}}", true),
			    ": read what limits are in force: is a directory");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_top, remove_top)
	const struct CMUnitTest tests[] = {
		TEST(what_asks_for_nothing_writes_nothing),
		TEST(v1_memory_and_swap_are_in_the_order_the_kernel_takes),
		TEST(v1_quota_and_period_are_in_the_order_the_kernel_takes),
		TEST(v2_quota_and_period_keep_each_other),
		TEST(v2_swap_goes_with_the_limit_in_force),
		TEST(defaults_are_written),
		TEST(a_limit_of_both_is_not_lost),
		TEST(what_is_in_force_must_be_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
