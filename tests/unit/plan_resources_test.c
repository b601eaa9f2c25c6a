/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_resources_test.c - plan/limits/cgroup.c, and limits of plan/limits/memory.c, limits/cpu.c, limits/devices.c
 */
#include "resources_harness.h"

#include "kernel/process.h"
#include "plan/limits/resources.h"

#include <linux/capability.h>
#include <math.h>

/* ---- cgroupsPath ---- */

#define PATH(path) "{ \"ociVersion\": \"1.3.0\", \"linux\": { \"cgroupsPath\": \"" path "\" } }"
#define NO_PATH	   "{ \"ociVersion\": \"1.3.0\" }"

static void an_absolute_path_is_below_every_mount(void **state)
{
	struct plan_case c = on(&on_hybrid, plan_cgroup);

	(void) state;
	gives(&c, PATH("/docker//./abc/"),
	      "make-cgroup \"@/memory/docker/abc\" [/linux/cgroupsPath]\n"
	      "make-cgroup \"@/v2/docker/abc\" [/linux/cgroupsPath]\n");
}

static void a_relative_path_is_below_our_own_cgroup_on_v2_beside_it(void **state)
{
	struct plan_case c = on(&on_hybrid, plan_cgroup);

	(void) state;
	gives(&c, PATH("x/y"),
	      "make-cgroup \"@/memory/job/x/y\" [/linux/cgroupsPath]\n"
	      "make-cgroup \"@/v2/job/x/y\" [/linux/cgroupsPath]\n");
	gives(&c, NO_PATH, "make-cgroup \"@/memory/job/web\"\nmake-cgroup \"@/v2/job/web\"\n");
	gives(&c, PATH(""), "make-cgroup \"@/memory/job/web\"\nmake-cgroup \"@/v2/job/web\"\n");
	gives(&c, PATH("system.slice:tare:x"),
	      "make-cgroup \"@/memory/job/system.slice:tare:x\" [/linux/cgroupsPath]\n"
	      "make-cgroup \"@/v2/job/system.slice:tare:x\" [/linux/cgroupsPath]\n");
}

static void v1_is_joined_after_the_birth_and_v2_at_it(void **state)
{
	struct plan_case c = on(&on_hybrid, plan_cgroup);

	(void) state;
	c.subjects[2] = plan_spawn;
	c.subjects[3] = plan_cgroup_join;
	gives(&c, PATH("/a"),
	      "make-cgroup \"@/memory/a\" [/linux/cgroupsPath]\n"
	      "make-cgroup \"@/v2/a\" [/linux/cgroupsPath]\n"
	      "spawn in \"@/v2/a\"\n"
	      "join-cgroup \"@/memory/a\" [/linux/cgroupsPath]\n");
}

static void a_path_that_leads_elsewhere_is_refused(void **state)
{
	struct plan_case c = on(&on_v2, plan_cgroup);
	char json[1024], name[400];

	(void) state;
	refuses(&c, PATH("/a/../b"),
		"/linux/cgroupsPath: cgroupsPath \"/a/../b\" has \"..\" in it");
	refuses(&c, PATH(".."), "/linux/cgroupsPath: cgroupsPath \"..\" has \"..\" in it");
	refuses(&c, PATH("/"), "/linux/cgroupsPath: cgroupsPath \"/\" names no cgroup");
	refuses(&c, PATH("./"), "/linux/cgroupsPath: cgroupsPath \"./\" names no cgroup");
	refuses(&c, PATH("/a\\nb"),
		"/linux/cgroupsPath: cgroupsPath has a control character in it");
	memset(name, 'x', 300);
	name[300] = '\0';
	fmt_text(json, sizeof(json),
		 "{ \"ociVersion\": \"1.3.0\", \"linux\": { \"cgroupsPath\": \"%s\" } }", name);
	refuses(&c, json, "/linux/cgroupsPath: cgroupsPath has a component over 255 bytes");
	gives(&c, PATH("/..a/b.."), "make-cgroup \"@/v2/..a/b..\" [/linux/cgroupsPath]\n");
}

static void without_cgroups_the_container_stays_in_ours(void **state)
{
	struct plan_case c = on(&on_none, plan_cgroup);

	(void) state;
	gives(&c, PATH("/a"), "");
	assert_string_equal(
		c.warnings[0],
		"/linux/cgroupsPath: no cgroup can be made here, the container stays in ours");
	c = on(&on_v2, plan_cgroup);
	c.options.flags.no_cgroup = true;
	gives(&c, PATH("/a"), "");
}

/* A mount that is not there can't be written by root either. */
static void what_may_not_be_made_is_told_only_where_it_is_needed(void **state)
{
	static const struct cgroup_hierarchy readonly[] = {
		{ .controllers = "memory,pids", .mount = "/dev/null", .own = "/" },
	};
	static const struct cgroup_layout layout = { CGROUP_V1, readonly, 1 };
	struct plan_case c = on(&layout, plan_cgroup);

	(void) state;
	gives(&c, NO_PATH, "");
	limits(&layout, "'memory':{'limit':-1},'pids':{'limit':-1}", "");
	no_limits(
		&layout, "'memory':{'limit':4096}",
		"/linux/resources/memory/limit: this needs cgroup \"/dev/null/a\", which user 0 may not make "
		"(have the cgroup delegated to this user, or ask for no limits)");
}

/* ---- memory ---- */

static void memory_on_v1(void **state)
{
	(void) state;
	limits(&on_v1,
	       "'memory':{'limit':100,'swap':300,'reservation':50,'kernel':70,'kernelTCP':80,"
	       "'swappiness':0,'disableOOMKiller':true,'useHierarchy':true}",
	       "write-cgroup memory.limit_in_bytes = \"100\" in \"@/memory/a\" [/linux/resources/memory/limit]\n"
	       "write-cgroup memory.memsw.limit_in_bytes = \"300\" in \"@/memory/a\" [/linux/resources/memory/swap]\n"
	       "write-cgroup memory.soft_limit_in_bytes = \"50\" in \"@/memory/a\" [/linux/resources/memory/reservation]\n"
	       "write-cgroup memory.kmem.limit_in_bytes = \"70\" in \"@/memory/a\" [/linux/resources/memory/kernel]\n"
	       "write-cgroup memory.kmem.tcp.limit_in_bytes = \"80\" in \"@/memory/a\" [/linux/resources/memory/kernelTCP]\n"
	       "write-cgroup memory.swappiness = \"0\" in \"@/memory/a\" [/linux/resources/memory/swappiness]\n"
	       "write-cgroup memory.oom_control = \"1\" in \"@/memory/a\" [/linux/resources/memory/disableOOMKiller]\n"
	       "write-cgroup memory.use_hierarchy = \"1\" in \"@/memory/a\" if there [/linux/resources/memory/useHierarchy]\n");
	limits(&on_v1, "'memory':{'limit':-1}",
	       "write-cgroup memory.memsw.limit_in_bytes = \"-1\" in \"@/memory/a\" if there [/linux/resources/memory/swap]\n"
	       "write-cgroup memory.limit_in_bytes = \"-1\" in \"@/memory/a\" if there [/linux/resources/memory/limit]\n");
}

static void memory_on_v2(void **state)
{
	(void) state;
	limits(&on_v2, "'memory':{'limit':100,'swap':300,'reservation':50}",
	       "write-cgroup memory.max = \"100\" in \"@/v2/a\" [/linux/resources/memory/limit]\n"
	       "write-cgroup memory.swap.max = \"200\" in \"@/v2/a\" [/linux/resources/memory/swap]\n"
	       "write-cgroup memory.low = \"50\" in \"@/v2/a\" [/linux/resources/memory/reservation]\n");
	limits(&on_v2, "'memory':{'limit':100,'swap':100,'reservation':-1}",
	       "write-cgroup memory.max = \"100\" in \"@/v2/a\" [/linux/resources/memory/limit]\n"
	       "write-cgroup memory.swap.max = \"0\" in \"@/v2/a\" if there [/linux/resources/memory/swap]\n"
	       "write-cgroup memory.low = \"max\" in \"@/v2/a\" if there [/linux/resources/memory/reservation]\n");
	limits(&on_v2, "'memory':{'limit':100,'swap':-1}",
	       "write-cgroup memory.max = \"100\" in \"@/v2/a\" [/linux/resources/memory/limit]\n"
	       "write-cgroup memory.swap.max = \"max\" in \"@/v2/a\" if there [/linux/resources/memory/swap]\n");
	limits(&on_v2, "'memory':{'limit':-1}",
	       "write-cgroup memory.swap.max = \"max\" in \"@/v2/a\" if there [/linux/resources/memory/swap]\n"
	       "write-cgroup memory.max = \"max\" in \"@/v2/a\" if there [/linux/resources/memory/limit]\n");
}

static void memory_that_asks_for_nothing(void **state)
{
	(void) state;
	limits(&on_none, "'memory':{}", "");
	limits(&on_none,
	       "'memory':{'limit':0,'swap':0,'reservation':0,'kernel':-1,'disableOOMKiller':false,"
	       "'useHierarchy':true,'checkBeforeUpdate':true}",
	       "");
	limits(&on_v2,
	       "'memory':{'kernel':-1,'kernelTCP':0,'disableOOMKiller':false,'useHierarchy':true}",
	       "");
}

static void memory_that_is_refused(void **state)
{
#define PLACE "/linux/resources/memory/"
	(void) state;
	no_limits(&on_v1, "'memory':{'limit':-2}", PLACE "limit: -2 is neither a size nor -1");
	no_limits(&on_v1, "'memory':{'swap':9}",
		  PLACE "swap: unable to set swap limit without memory limit");
	no_limits(&on_v2, "'memory':{'limit':-1,'swap':9}",
		  PLACE "swap: unable to set swap limit without memory limit");
	no_limits(&on_v2, "'memory':{'limit':10,'swap':9}",
		  PLACE "swap: memory+swap limit 9 should be >= memory limit 10");
	no_limits(&on_v1, "'memory':{'limit':10,'swap':-9}",
		  PLACE "swap: -9 is neither a size nor -1");
	no_limits(&on_v1, "'memory':{'swappiness':101}",
		  PLACE "swappiness: swappiness 101 is above 100");
	no_limits(&on_v2, "'memory':{'swappiness':60}",
		  PLACE "swappiness: swappiness is not possible on cgroup v2");
	no_limits(&on_v2, "'memory':{'disableOOMKiller':true}",
		  PLACE "disableOOMKiller: disableOOMKiller is not possible on cgroup v2");
	no_limits(&on_v2, "'memory':{'useHierarchy':false}",
		  PLACE "useHierarchy: useHierarchy false is not possible on cgroup v2");
	no_limits(&on_v2, "'memory':{'kernel':5}",
		  PLACE "kernel: kernel is not possible on cgroup v2");
	no_limits(&on_v2, "'memory':{'kernelTCP':5}",
		  PLACE "kernelTCP: kernelTCP is not possible on cgroup v2");
	no_limits(&on_none, "'memory':{'limit':10}",
		  PLACE "limit: this needs a cgroup, and no cgroup file system is mounted");
#undef PLACE
}

/* ---- cpu ---- */

/* The formula as it is written, with the C library's mathematics. */
static unsigned weight_by_libm(uint64_t shares)
{
	long double l = log2l((long double) shares);
	long double weight = powl(10, (l * l + 125 * l) / 612 - 7.0L / 34);

	return (unsigned) ceill(weight - 1e-10L);
}

static void every_share_has_the_weight_of_the_formula(void **state)
{
	(void) state;
	for (uint64_t shares = 2; shares <= 262144; shares++)
		if (resources_cpu_weight(shares) != weight_by_libm(shares))
			fail_msg("%llu: %u, not %u", (unsigned long long) shares,
				 resources_cpu_weight(shares), weight_by_libm(shares));
	assert_int_equal(resources_cpu_weight(0), 1);
	assert_int_equal(resources_cpu_weight(2), 1);
	assert_int_equal(resources_cpu_weight(1024), 100);
	assert_int_equal(resources_cpu_weight(262144), 10000);
	assert_int_equal(resources_cpu_weight(UINT64_MAX), 10000);
}

static void cpu_on_v1(void **state)
{
	(void) state;
	limits(&on_v1,
	       "'cpu':{'shares':512,'quota':50000,'period':100000,'burst':10,'realtimePeriod':7,"
	       "'realtimeRuntime':6,'cpus':'0-3,7','mems':'0'}",
	       "write-cgroup cpu.shares = \"512\" in \"@/cpu/a\" [/linux/resources/cpu/shares]\n"
	       "write-cgroup cpu.cfs_period_us = \"100000\" in \"@/cpu/a\" [/linux/resources/cpu/period]\n"
	       "write-cgroup cpu.cfs_quota_us = \"50000\" in \"@/cpu/a\" [/linux/resources/cpu/quota]\n"
	       "write-cgroup cpu.cfs_burst_us = \"10\" in \"@/cpu/a\" [/linux/resources/cpu/burst]\n"
	       "write-cgroup cpu.rt_period_us = \"7\" in \"@/cpu/a\" [/linux/resources/cpu/realtimePeriod]\n"
	       "write-cgroup cpu.rt_runtime_us = \"6\" in \"@/cpu/a\" [/linux/resources/cpu/realtimeRuntime]\n"
	       "write-cgroup cpuset.cpus = \"0-3,7\" in \"@/cpuset/a\" [/linux/resources/cpu/cpus]\n"
	       "write-cgroup cpuset.mems = \"0\" in \"@/cpuset/a\" [/linux/resources/cpu/mems]\n");
	limits(&on_v1, "'cpu':{'quota':-5}",
	       "write-cgroup cpu.cfs_quota_us = \"-1\" in \"@/cpu/a\" if there [/linux/resources/cpu/quota]\n");
}

static void cpu_on_v2(void **state)
{
	(void) state;
	limits(&on_v2, "'cpu':{'shares':1024,'quota':50000,'burst':10,'cpus':'0','mems':'0-1'}",
	       "write-cgroup cpu.weight = \"100\" in \"@/v2/a\" [/linux/resources/cpu/shares]\n"
	       "write-cgroup cpu.max = \"50000 100000\" in \"@/v2/a\" [/linux/resources/cpu/quota]\n"
	       "write-cgroup cpu.max.burst = \"10\" in \"@/v2/a\" [/linux/resources/cpu/burst]\n"
	       "write-cgroup cpuset.cpus = \"0\" in \"@/v2/a\" [/linux/resources/cpu/cpus]\n"
	       "write-cgroup cpuset.mems = \"0-1\" in \"@/v2/a\" [/linux/resources/cpu/mems]\n");
	limits(&on_v2, "'cpu':{'quota':-1,'period':5000}",
	       "write-cgroup cpu.max = \"max 5000\" in \"@/v2/a\" if there [/linux/resources/cpu]\n");
	limits(&on_v2, "'cpu':{'idle':1,'shares':1024}",
	       "write-cgroup cpu.idle = \"1\" in \"@/v2/a\" [/linux/resources/cpu/idle]\n");
	limits(&on_v2, "'cpu':{'idle':0,'shares':2}",
	       "write-cgroup cpu.idle = \"0\" in \"@/v2/a\" if there [/linux/resources/cpu/idle]\n"
	       "write-cgroup cpu.weight = \"1\" in \"@/v2/a\" [/linux/resources/cpu/shares]\n");
}

static void cpu_that_asks_for_nothing(void **state)
{
	(void) state;
	limits(&on_none, "'cpu':{}", "");
	limits(&on_none,
	       "'cpu':{'shares':0,'quota':0,'period':0,'burst':0,'realtimePeriod':0,"
	       "'realtimeRuntime':0,'idle':0,'cpus':'','mems':''}",
	       "");
	limits(&on_none, "'cpu':{'quota':-1,'period':100000}", "");
}

static void cpu_that_is_refused(void **state)
{
	(void) state;
	no_limits(&on_v2, "'cpu':{'idle':2}", "/linux/resources/cpu/idle: idle is 0 or 1, not 2");
	no_limits(&on_v2, "'cpu':{'quota':5000,'burst':5001}",
		  "/linux/resources/cpu/burst: burst 5001 is above the quota 5000");
	no_limits(
		&on_none, "'cpu':{'quota':999}",
		"/linux/resources/cpu/quota: a quota of 999 is below 1000 (it is in microseconds: 1000 is 1 ms, the "
		"least there is)");
	no_limits(
		&on_v2, "'cpu':{'realtimePeriod':6}",
		"/linux/resources/cpu/realtimePeriod: realtimePeriod is not possible on cgroup v2");
	no_limits(
		&on_v2, "'cpu':{'realtimeRuntime':-1}",
		"/linux/resources/cpu/realtimeRuntime: realtimeRuntime is not possible on cgroup v2");
	no_limits(
		&on_hybrid, "'cpu':{'realtimeRuntime':6}",
		"/linux/resources/cpu/realtimeRuntime: realtimeRuntime is not possible on cgroup v2");
}

static void a_missing_controller_is_named(void **state)
{
	static struct cgroup_hierarchy one[1];
	const struct cgroup_layout layout = { CGROUP_V1, one, 1 };

	(void) state;
	one[0] = v1[0];
	no_limits(&layout, "'cpu':{'shares':5}",
		  "/linux/resources/cpu/shares: no cgroup hierarchy has the cpu controller "
		  "(the kernel or the parent cgroup has no cpu controller)");
}

static void disabled_cgroups_take_no_limits(void **state)
{
	struct plan_case c = on(&on_v2, plan_resources);

	(void) state;
	c.options.flags.no_cgroup = true;
	refuses(&c, with_resources("'pids':{'limit':5}"),
		"/linux/resources/pids/limit: this needs a cgroup, and cgroups are disabled");
	gives(&c, with_resources("'pids':{'limit':-1},'cpu':{'shares':0}"), "");
}

/* ---- pids ---- */

static void pids_on_both(void **state)
{
	(void) state;
	limits(&on_v1, "'pids':{'limit':7}",
	       "write-cgroup pids.max = \"7\" in \"@/pids/a\" [/linux/resources/pids/limit]\n");
	limits(&on_v2, "'pids':{'limit':7}",
	       "write-cgroup pids.max = \"7\" in \"@/v2/a\" [/linux/resources/pids/limit]\n");
	limits(&on_v2, "'pids':{'limit':-3}",
	       "write-cgroup pids.max = \"max\" in \"@/v2/a\" if there [/linux/resources/pids/limit]\n");
}

static void a_limit_of_0_pids_comes_after_the_birth(void **state)
{
	struct plan_case c = on(&on_v2, plan_resources);

	(void) state;
	c.subjects[2] = plan_spawn;
	c.subjects[3] = plan_cgroup_join;
	gives(&c, with_resources("'pids':{'limit':0}"),
	      "spawn\n"
	      "write-cgroup pids.max = \"0\" in \"@/v2/a\" [/linux/resources/pids/limit]\n");
	no_limits(
		&on_none, "'pids':{'limit':0}",
		"/linux/resources/pids/limit: this needs a cgroup, and no cgroup file system is mounted");
}

/* ---- devices ---- */

#define DENY_ALL "'devices':[{'allow':false,'access':'rwm'}]"

static void devices_on_v1_in_order(void **state)
{
#define PLACE " [/linux/resources/devices]\n"
	(void) state;
	limits(&on_v1,
	       "'devices':[{'allow':false,'access':'rwm'},"
	       "{'allow':true,'type':'c','major':10,'minor':229,'access':'rw'},"
	       "{'allow':false,'type':'a','access':'m'}]",
	       "write-cgroup devices.deny = \"a\" in \"@/devices/a\" [/linux/resources/devices/0]\n"
	       "write-cgroup devices.allow = \"c 10:229 rw\" in \"@/devices/a\" [/linux/resources/devices/1]\n"
	       "write-cgroup devices.deny = \"c *:* m\" in \"@/devices/a\" [/linux/resources/devices/2]\n"
	       "write-cgroup devices.deny = \"b *:* m\" in \"@/devices/a\" [/linux/resources/devices/2]\n"
	       "write-cgroup devices.allow = \"c *:* m\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"b *:* m\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 1:3 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 1:5 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 1:7 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 1:8 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 1:9 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 5:0 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 5:1 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 5:2 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 10:200 rwm\" in \"@/devices/a\"" PLACE
	       "write-cgroup devices.allow = \"c 136:* rwm\" in \"@/devices/a\"" PLACE);
#undef PLACE
}

#define PIECE(rule, place)                                                                         \
	"write-cgroup " rule " in \"@/devices/a\" [/linux/resources/devices/" place "]\n"

/* The kernel takes back an exception by its own numbers only. */
static void a_wide_rule_on_v1_takes_back_what_is_within(void **state)
{
	struct plan_case c = on(&on_v1, plan_cgroup);

	(void) state;
	c.subjects[2] = plan_resources;
	if (plan_case_run(
		    &c,
		    with_resources(
			    "'devices':[{'allow':false},{'allow':true,'type':'c','major':10,'minor':229},"
			    "{'allow':true,'type':'b','major':10,'minor':229},"
			    "{'allow':false,'type':'c','major':10,'access':'w'}]")) < 0)
		fail_msg("%s", c.error);
	shorten(c.text);
	assert_non_null(strstr(c.text, PIECE("devices.deny = \"c 10:229 w\"", "3")));
	assert_non_null(strstr(c.text, PIECE("devices.deny = \"c 10:* w\"", "3")));
	assert_null(strstr(c.text, "devices.deny = \"b"));
}

static void a_part_of_an_exception_on_v1_is_refused(void **state)
{
	(void) state;
	no_limits(
		&on_v1,
		"'devices':[{'allow':false},{'allow':true,'type':'c','major':10},"
		"{'allow':false,'type':'c','major':10,'minor':229,'access':'w'}]",
		"/linux/resources/devices/2: cgroup v1 cannot deny \"c 10:229 w\" of \"c 10:* rwm\", which an earlier rule "
		"allows (name the devices of the earlier rule one by one, or use cgroup v2)");
}

static void devices_on_v2_are_a_program(void **state)
{
	struct plan_case c = on(&on_v2, plan_cgroup);

	(void) state;
	c.subjects[2] = plan_resources;
	c.subjects[3] = plan_device_program;
	if (plan_case_run(&c, with_resources(DENY_ALL)) < 0)
		fail_msg("%s", c.error);
	shorten(c.text);
	assert_non_null(strstr(c.text, "instructions to \"@/v2/a\""));
	assert_non_null(strstr(c.text, " [/linux/resources/devices]\n"));
	limits(&on_v2, "'devices':[]", "");
	limits(&on_v2, "'devices':[{'allow':true,'access':'rwm'}]", "");
}

#define MKNOD                                                                                      \
	"{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"capabilities\":{" \
	"\"bounding\":[\"CAP_KILL\",\"CAP_MKNOD\"]}},\"linux\":{\"resources\":{\"devices\":[{"     \
	"\"allow\":false}]}%s}}"

static void device_rules_may_be_left_out_where_no_device_can_be_made(void **state)
{
	struct plan_case c = on(&on_none, plan_resources);
	char json[1024];

	(void) state;
	gives(&c, with_resources(DENY_ALL), "");
	assert_string_equal(c.warnings[0],
			    "/linux/resources/devices: no cgroup can put device rules in force");
	fmt_text(json, sizeof(json), MKNOD, "");
	refuses(&c, json,
		"/linux/resources/devices: no cgroup can put device rules in force, and the container has "
		"CAP_MKNOD (drop CAP_MKNOD, or let the container have a cgroup)");
	fmt_text(json, sizeof(json), MKNOD, ",\"namespaces\":[{\"type\":\"user\"}]");
	gives(&c, json, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_absolute_path_is_below_every_mount),
		cmocka_unit_test(a_relative_path_is_below_our_own_cgroup_on_v2_beside_it),
		cmocka_unit_test(v1_is_joined_after_the_birth_and_v2_at_it),
		cmocka_unit_test(a_path_that_leads_elsewhere_is_refused),
		cmocka_unit_test(without_cgroups_the_container_stays_in_ours),
		cmocka_unit_test(what_may_not_be_made_is_told_only_where_it_is_needed),
		cmocka_unit_test(memory_on_v1),
		cmocka_unit_test(memory_on_v2),
		cmocka_unit_test(memory_that_asks_for_nothing),
		cmocka_unit_test(memory_that_is_refused),
		cmocka_unit_test(every_share_has_the_weight_of_the_formula),
		cmocka_unit_test(cpu_on_v1),
		cmocka_unit_test(cpu_on_v2),
		cmocka_unit_test(cpu_that_asks_for_nothing),
		cmocka_unit_test(cpu_that_is_refused),
		cmocka_unit_test(a_missing_controller_is_named),
		cmocka_unit_test(disabled_cgroups_take_no_limits),
		cmocka_unit_test(pids_on_both),
		cmocka_unit_test(a_limit_of_0_pids_comes_after_the_birth),
		cmocka_unit_test(devices_on_v1_in_order),
		cmocka_unit_test(a_wide_rule_on_v1_takes_back_what_is_within),
		cmocka_unit_test(a_part_of_an_exception_on_v1_is_refused),
		cmocka_unit_test(devices_on_v2_are_a_program),
		cmocka_unit_test(device_rules_may_be_left_out_where_no_device_can_be_made),
	};

	return cmocka_run_group_tests(tests, make_mounts, remove_top);
}
