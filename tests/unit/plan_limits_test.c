/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_limits_test.c - plan/limits*.c: what is beyond memory, cpu and pids in a new cgroup
 */
#include "resources_harness.h"

#define IO  "/linux/resources/blockIO/"
#define RES "/linux/resources/"

/* ---- blockIO ---- */

static void block_io_on_v1(void **state)
{
	(void) state;
	limits(&on_v1,
	       "'blockIO':{'weight':500,'leafWeight':300,"
	       "'weightDevice':[{'major':8,'minor':0,'weight':200,'leafWeight':100},{'major':8,'minor':16,'weight':7}],"
	       "'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1000}],"
	       "'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':2000}],"
	       "'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':30}],"
	       "'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':40},{'major':8,'minor':16,'rate':50}]}",
	       "write-cgroup blkio.weight = \"500\", else blkio.bfq.weight = \"500\" in \"@/blkio/a\" [" IO
	       "weight]\n"
	       "write-cgroup blkio.leaf_weight = \"300\" in \"@/blkio/a\" [" IO "leafWeight]\n"
	       "write-cgroup blkio.weight_device = \"8:0 200\", else blkio.bfq.weight_device = \"8:0 200\" in "
	       "\"@/blkio/a\" [" IO "weightDevice/0/weight]\n"
	       "write-cgroup blkio.leaf_weight_device = \"8:0 100\" in \"@/blkio/a\" [" IO
	       "weightDevice/0/leafWeight]\n"
	       "write-cgroup blkio.weight_device = \"8:16 7\", else blkio.bfq.weight_device = \"8:16 7\" in "
	       "\"@/blkio/a\" [" IO "weightDevice/1/weight]\n"
	       "write-cgroup blkio.throttle.read_bps_device = \"8:0 1000\" in \"@/blkio/a\" [" IO
	       "throttleReadBpsDevice/0]\n"
	       "write-cgroup blkio.throttle.write_bps_device = \"8:0 2000\" in \"@/blkio/a\" [" IO
	       "throttleWriteBpsDevice/0]\n"
	       "write-cgroup blkio.throttle.read_iops_device = \"8:0 30\" in \"@/blkio/a\" [" IO
	       "throttleReadIOPSDevice/0]\n"
	       "write-cgroup blkio.throttle.write_iops_device = \"8:0 40\" in \"@/blkio/a\" [" IO
	       "throttleWriteIOPSDevice/0]\n"
	       "write-cgroup blkio.throttle.write_iops_device = \"8:16 50\" in \"@/blkio/a\" [" IO
	       "throttleWriteIOPSDevice/1]\n");
}

static void block_io_on_v2(void **state)
{
	(void) state;
	limits(&on_v2,
	       "'blockIO':{'weight':500,'weightDevice':[{'major':8,'minor':0,'weight':1000}],"
	       "'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1000}],"
	       "'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':2000}],"
	       "'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':30}],"
	       "'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':0}]}",
	       "write-cgroup io.bfq.weight = \"500\", else io.weight = \"default 4950\" in \"@/v2/a\" [" IO
	       "weight]\n"
	       "write-cgroup io.bfq.weight = \"8:0 1000\", else io.weight = \"8:0 10000\" in \"@/v2/a\" [" IO
	       "weightDevice/0/weight]\n"
	       "write-cgroup io.max = \"8:0 rbps=1000\" in \"@/v2/a\" [" IO
	       "throttleReadBpsDevice/0]\n"
	       "write-cgroup io.max = \"8:0 wbps=2000\" in \"@/v2/a\" [" IO
	       "throttleWriteBpsDevice/0]\n"
	       "write-cgroup io.max = \"8:0 riops=30\" in \"@/v2/a\" [" IO
	       "throttleReadIOPSDevice/0]\n"
	       "write-cgroup io.max = \"8:0 wiops=max\" in \"@/v2/a\" if there [" IO
	       "throttleWriteIOPSDevice/0]\n");
}

/* docs/CONTRACT.md A4: 1 + (w - 10) * 9999 / 990. */
static void the_weight_of_v1_becomes_that_of_v2(void **state)
{
	static const struct {
		unsigned v1, v2;
	} weights[] = { { 1, 1 },     { 9, 1 },	     { 10, 1 },	    { 11, 11 },
			{ 100, 910 }, { 500, 4950 }, { 999, 9989 }, { 1000, 10000 } };

	(void) state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		char json[64], line[256];

		fmt_text(json, sizeof(json), "'blockIO':{'weight':%u}", weights[i].v1);
		fmt_text(
			line, sizeof(line),
			"write-cgroup io.bfq.weight = \"%u\", else io.weight = \"default %u\" in \"@/v2/a\" "
			"[" IO "weight]\n",
			weights[i].v1, weights[i].v2);
		limits(&on_v2, json, line);
	}
}

static void block_io_that_asks_for_nothing(void **state)
{
	(void) state;
	limits(&on_none,
	       "'blockIO':{'weight':0,'leafWeight':0,'weightDevice':[{'major':8,'minor':0,'weight':0}],"
	       "'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':0}]}",
	       "");
}

static void block_io_that_is_refused(void **state)
{
	(void) state;
	no_limits(&on_v2, "'blockIO':{'leafWeight':10}",
		  IO "leafWeight: leafWeight is not possible on cgroup v2");
	no_limits(&on_v2, "'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':10}]}",
		  IO "weightDevice/0/leafWeight: leafWeight is not possible on cgroup v2");
	no_limits(&on_v1, "'blockIO':{'weight':1001}",
		  IO "weight: weight 1001 is not between 1 and 1000");
	no_limits(&on_v1, "'blockIO':{'leafWeight':1001}",
		  IO "leafWeight: weight 1001 is not between 1 and 1000");
	no_limits(&on_v1, "'blockIO':{'weightDevice':[{'major':8,'minor':0}]}",
		  IO "weightDevice/0: neither weight nor leafWeight is given");
	no_limits(&on_v1, "'blockIO':{'weightDevice':[{'major':-1,'minor':0,'weight':10}]}",
		  IO "weightDevice/0: -1:0 is not a device number");
	no_limits(&on_v2,
		  "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':1048576,'rate':1}]}",
		  IO "throttleReadBpsDevice/0: 8:1048576 is not a device number");
	no_limits(&on_none, "'blockIO':{'weight':10}",
		  IO "weight: this needs a cgroup, and no cgroup file system is mounted");
}

/* ---- hugepageLimits, rdma, network ---- */

static void huge_pages_on_both(void **state)
{
	static const char both[] =
		"'hugepageLimits':[{'pageSize':'2MB','limit':4194304},{'pageSize':'1GB','limit':0}]";

	(void) state;
	limits(&on_v1, both,
	       "write-cgroup hugetlb.2MB.rsvd.limit_in_bytes = \"4194304\", else hugetlb.2MB.limit_in_bytes = "
	       "\"4194304\" in \"@/hugetlb/a\" [" RES "hugepageLimits/0]\n"
	       "write-cgroup hugetlb.1GB.rsvd.limit_in_bytes = \"0\", else hugetlb.1GB.limit_in_bytes = \"0\" in "
	       "\"@/hugetlb/a\" [" RES "hugepageLimits/1]\n");
	limits(&on_v2, both,
	       "write-cgroup hugetlb.2MB.rsvd.max = \"4194304\", else hugetlb.2MB.max = \"4194304\" in "
	       "\"@/v2/a\" [" RES "hugepageLimits/0]\n"
	       "write-cgroup hugetlb.1GB.rsvd.max = \"0\", else hugetlb.1GB.max = \"0\" in \"@/v2/a\" [" RES
	       "hugepageLimits/1]\n");
	/* The v2 hierarchy of a hybrid layout has what v1 has not taken. */
	limits(&on_hybrid,
	       "'memory':{'limit':4096},'hugepageLimits':[{'pageSize':'2MB','limit':0}]",
	       "write-cgroup memory.limit_in_bytes = \"4096\" in \"@/memory/a\" [" RES
	       "memory/limit]\n"
	       "write-cgroup hugetlb.2MB.rsvd.max = \"0\", else hugetlb.2MB.max = \"0\" in \"@/v2/a\" [" RES
	       "hugepageLimits/0]\n");
	no_limits(&on_none, "'hugepageLimits':[{'pageSize':'2MB','limit':0}]",
		  RES
		  "hugepageLimits/0: this needs a cgroup, and no cgroup file system is mounted");
}

static void gap_11_rdma_limits_are_in_force(void **state)
{
	static const char devices[] = "'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10000},"
				      "'mlx4_0':{'hcaObjects':1000},'rxe3':{'hcaHandles':0}}";
#define LINES(dir)                                                                                 \
	"write-cgroup rdma.max = \"mlx5_1 hca_handle=3 hca_object=10000\" in \"" dir "\" [" RES    \
	"rdma/mlx5_1]\n"                                                                           \
	"write-cgroup rdma.max = \"mlx4_0 hca_object=1000\" in \"" dir "\" [" RES "rdma/mlx4_0]\n" \
	"write-cgroup rdma.max = \"rxe3 hca_handle=0\" in \"" dir "\" [" RES "rdma/rxe3]\n"

	(void) state;
	limits(&on_v1, devices, LINES("@/rdma/a"));
	limits(&on_v2, devices, LINES("@/v2/a"));
	limits(&on_none, "'rdma':{}", "");
	no_limits(&on_v1, "'rdma':{'a/b':{}}",
		  RES "rdma/a~1b: neither hcaHandles nor hcaObjects is given");
	no_limits(&on_v2, "'rdma':{'a b':{'hcaHandles':1}}",
		  RES "rdma/a b: \"a b\" is not the name of a device");
	no_limits(&on_none, "'rdma':{'a':{'hcaHandles':1}}",
		  RES "rdma/a: this needs a cgroup, and no cgroup file system is mounted");
}

static void network_marks_on_v1(void **state)
{
	(void) state;
	limits(&on_v1,
	       "'network':{'classID':1048577,'priorities':[{'name':'eth0','priority':500},{'name':'lo','priority':0}]}",
	       "write-cgroup net_cls.classid = \"1048577\" in \"@/net/a\" [" RES
	       "network/classID]\n"
	       "write-cgroup net_prio.ifpriomap = \"eth0 500\" in \"@/net/a\" [" RES
	       "network/priorities/0]\n"
	       "write-cgroup net_prio.ifpriomap = \"lo 0\" in \"@/net/a\" if there [" RES
	       "network/priorities/1]\n");
	limits(&on_v2, "'network':{'classID':0,'priorities':[{'name':'lo','priority':0}]}", "");
	no_limits(&on_v1, "'network':{'priorities':[{'name':'a b','priority':5}]}",
		  RES "network/priorities/0: \"a b\" is not the name of an interface");
}

/* ---- what v2 can't do ---- */

static void gap_13_what_v2_cannot_do_is_an_error(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ "'memory':{'swappiness':0}",
		  "memory/swappiness: swappiness is not possible on cgroup v2" },
		{ "'memory':{'disableOOMKiller':true}",
		  "memory/disableOOMKiller: disableOOMKiller is not possible on cgroup v2" },
		{ "'memory':{'kernel':1}", "memory/kernel: kernel is not possible on cgroup v2" },
		{ "'memory':{'kernelTCP':1}",
		  "memory/kernelTCP: kernelTCP is not possible on cgroup v2" },
		{ "'memory':{'useHierarchy':false}",
		  "memory/useHierarchy: useHierarchy false is not possible on cgroup v2" },
		{ "'cpu':{'realtimePeriod':1}",
		  "cpu/realtimePeriod: realtimePeriod is not possible on cgroup v2" },
		{ "'cpu':{'realtimeRuntime':1}",
		  "cpu/realtimeRuntime: realtimeRuntime is not possible on cgroup v2" },
		{ "'network':{'classID':1}",
		  "network/classID: classID is not possible on cgroup v2" },
		{ "'network':{'priorities':[{'name':'lo','priority':1}]}",
		  "network/priorities/0: a network priority is not possible on cgroup v2" },
		{ "'blockIO':{'leafWeight':1}",
		  "blockIO/leafWeight: leafWeight is not possible on cgroup v2" },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];

		fmt_text(line, sizeof(line), RES "%s", cases[i].line);
		no_limits(&on_v2, cases[i].json, line);
	}
}

/* ---- unified ---- */

static void unified_files_are_written_line_by_line(void **state)
{
	(void) state;
	limits(&on_v2,
	       "'pids':{'limit':5},"
	       "'unified':{'io.max':'259:0 rbps=2 wiops=1\\n\\n253:0 rbps=2\\n','memory.high':'5','foo.bar':'1 2',"
	       "'cpu.pressure':'some 1 2','memory.low':''}",
	       "write-cgroup pids.max = \"5\" in \"@/v2/a\" [" RES "pids/limit]\n"
	       "write-cgroup io.max = \"259:0 rbps=2 wiops=1\" in \"@/v2/a\" [" RES
	       "unified/io.max]\n"
	       "write-cgroup io.max = \"253:0 rbps=2\" in \"@/v2/a\" [" RES "unified/io.max]\n"
	       "write-cgroup memory.high = \"5\" in \"@/v2/a\" [" RES "unified/memory.high]\n"
	       "write-cgroup foo.bar = \"1 2\" in \"@/v2/a\" [" RES "unified/foo.bar]\n"
	       "write-cgroup cpu.pressure = \"some 1 2\" in \"@/v2/a\" [" RES
	       "unified/cpu.pressure]\n");
	limits(&on_v1, "'unified':{}", "");
	limits(&on_hybrid, "'unified':{'hugetlb.2MB.max':'0'}",
	       "write-cgroup hugetlb.2MB.max = \"0\" in \"@/v2/a\" [" RES
	       "unified/hugetlb.2MB.max]\n");
}

static void unified_that_is_refused(void **state)
{
	struct plan_case c = on(&on_v2, plan_resources);

	(void) state;
	no_limits(
		&on_v1, "'unified':{'memory.high':'1'}",
		RES
		"unified/memory.high: invalid configuration: unified is not possible on cgroup v1");
	no_limits(&on_none, "'unified':{'memory.high':'1'}",
		  RES
		  "unified/memory.high: this needs a cgroup, and no cgroup file system is mounted");
	no_limits(&on_hybrid, "'unified':{'memory.high':'1'}",
		  RES "unified/memory.high: cgroup v2 has no memory controller here "
		      "(the kernel has none, or it is in use by cgroup v1)");
	no_limits(&on_v2, "'unified':{'../x':'1'}",
		  RES "unified/..~1x: \"../x\" is not the name of a file of a cgroup");
	no_limits(&on_v2, "'unified':{'..':'1'}",
		  RES "unified/..: \"..\" is not the name of a file of a cgroup");
	no_limits(&on_v2, "'unified':{'cgroup.freeze':'1'}",
		  RES "unified/cgroup.freeze: a container can't be created in a frozen cgroup");
	c.options.flags.no_cgroup = true;
	refuses(&c, with_resources("'unified':{'memory.high':'1'}"),
		RES "unified/memory.high: this needs a cgroup, and cgroups are disabled");
}

/* ---- a cgroup that is used again ---- */

static void left(const char *file, const char *text)
{
	make_file(file, text);
}

static int make_left(void **state)
{
	(void) state;
	make_dir("memory/a");
	make_dir("cpu/a");
	make_dir("v2/a");

	return 0;
}

static int remove_left(void **state)
{
	char command[256];

	(void) state;
	fmt_text(command, sizeof(command), "cd %s && rm -rf memory/a cpu/a v2/a", top);

	return system(command);
}

#define LIMIT(v)                                                                                   \
	"write-cgroup memory.limit_in_bytes = \"" v "\" in \"@/memory/a\" [" RES "memory/limit]\n"
#define BOTH(v)                                                                                    \
	"write-cgroup memory.memsw.limit_in_bytes = \"" v "\" in \"@/memory/a\" [" RES             \
	"memory/swap]\n"

static void memory_and_swap_are_never_the_wrong_way_round(void **state)
{
	(void) state;
	left("memory/a/memory.memsw.limit_in_bytes", "300\n");
	limits(&on_v1, "'memory':{'limit':400,'swap':500}", BOTH("500") LIMIT("400"));
	limits(&on_v1, "'memory':{'limit':100,'swap':200}", LIMIT("100") BOTH("200"));
	limits(&on_v1, "'memory':{'limit':300,'swap':300}", LIMIT("300") BOTH("300"));
	/* what nobody asks for any more is out of the way first */
	limits(&on_v1, "'memory':{'limit':301}",
	       "write-cgroup memory.memsw.limit_in_bytes = \"-1\" in \"@/memory/a\" if there [" RES
	       "memory/limit]\n" LIMIT("301"));
	limits(&on_v1, "'memory':{'limit':300}", LIMIT("300"));
}

static void a_burst_is_never_above_the_quota(void **state)
{
#define QUOTA "write-cgroup cpu.max = \"5000 10000\" in \"@/v2/a\" [" RES "cpu/quota]\n"
	(void) state;
	left("v2/a/cpu.max.burst", "6000\n");
	limits(&on_v2, "'cpu':{'quota':5000,'period':10000,'burst':4000}",
	       "write-cgroup cpu.max.burst = \"4000\" in \"@/v2/a\" [" RES "cpu/burst]\n" QUOTA);
	limits(&on_v2, "'cpu':{'quota':5000,'period':10000}",
	       "write-cgroup cpu.max.burst = \"0\" in \"@/v2/a\" [" RES "cpu/quota]\n" QUOTA);
	limits(&on_v2, "'cpu':{'quota':7000,'burst':6500}",
	       "write-cgroup cpu.max = \"7000 100000\" in \"@/v2/a\" [" RES "cpu/quota]\n"
	       "write-cgroup cpu.max.burst = \"6500\" in \"@/v2/a\" [" RES "cpu/burst]\n");
}

static void a_realtime_runtime_is_never_above_the_period(void **state)
{
#define PERIOD(v)                                                                                  \
	"write-cgroup cpu.rt_period_us = \"" v "\" in \"@/cpu/a\" [" RES "cpu/realtimePeriod]\n"
#define RUNTIME(v)                                                                                 \
	"write-cgroup cpu.rt_runtime_us = \"" v "\" in \"@/cpu/a\" [" RES "cpu/realtimeRuntime]\n"
	(void) state;
	left("cpu/a/cpu.rt_runtime_us", "5000\n");
	limits(&on_v1, "'cpu':{'realtimePeriod':4000,'realtimeRuntime':3000}",
	       RUNTIME("3000") PERIOD("4000"));
	limits(&on_v1, "'cpu':{'realtimePeriod':6000,'realtimeRuntime':5500}",
	       PERIOD("6000") RUNTIME("5500"));
}

static void an_idle_cgroup_is_woken_before_it_gets_shares(void **state)
{
	(void) state;
	limits(&on_v1, "'cpu':{'idle':0,'shares':1024}",
	       "write-cgroup cpu.idle = \"0\" in \"@/cpu/a\" if there [" RES "cpu/idle]\n"
	       "write-cgroup cpu.shares = \"1024\" in \"@/cpu/a\" [" RES "cpu/shares]\n");
}

static void gap_22_check_before_update_looks_at_each_limit_by_itself(void **state)
{
	(void) state;
	limits(&on_v2, "'memory':{'limit':100,'swap':300,'checkBeforeUpdate':true}",
	       "write-cgroup memory.max = \"100\" in \"@/v2/a\" not below memory.current [" RES
	       "memory/limit]\n"
	       "write-cgroup memory.swap.max = \"200\" in \"@/v2/a\" not below memory.swap.current [" RES
	       "memory/swap]\n");
	limits(&on_v2, "'memory':{'limit':100,'checkBeforeUpdate':false}",
	       "write-cgroup memory.max = \"100\" in \"@/v2/a\" [" RES "memory/limit]\n");
	/* v1's kernel refuses by itself */
	limits(&on_v1, "'memory':{'limit':100,'checkBeforeUpdate':true}", LIMIT("100"));
}

#define reused(test) cmocka_unit_test_setup_teardown(test, make_left, remove_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_io_on_v1),
		cmocka_unit_test(block_io_on_v2),
		cmocka_unit_test(the_weight_of_v1_becomes_that_of_v2),
		cmocka_unit_test(block_io_that_asks_for_nothing),
		cmocka_unit_test(block_io_that_is_refused),
		cmocka_unit_test(huge_pages_on_both),
		cmocka_unit_test(gap_11_rdma_limits_are_in_force),
		cmocka_unit_test(network_marks_on_v1),
		cmocka_unit_test(gap_13_what_v2_cannot_do_is_an_error),
		cmocka_unit_test(unified_files_are_written_line_by_line),
		cmocka_unit_test(unified_that_is_refused),
		reused(memory_and_swap_are_never_the_wrong_way_round),
		reused(a_burst_is_never_above_the_quota),
		reused(a_realtime_runtime_is_never_above_the_period),
		reused(an_idle_cgroup_is_woken_before_it_gets_shares),
		reused(gap_22_check_before_update_looks_at_each_limit_by_itself),
	};

	return cmocka_run_group_tests(tests, make_mounts, remove_top);
}
