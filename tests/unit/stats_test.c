/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/stats_test.c - cgroup/stats*.c and cgroup/previous.c on made-up trees of files, and what
 * is printed of them
 */
#include "base/fmt.h"
#include "cgroup/path.h"
#include "cgroup/previous.h"
#include "cli/stats_json.h"
#include "host/create/create.h"
#include "host/interfaces.h"
#include "host/schemata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char top[] = "/tmp/tare-stats-XXXXXX";
static struct arena arena;

static const char *below(const char *name)
{
	return arena_printf(&arena, "%s/%s", top, name);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(below(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *get(const char *name)
{
	static char text[4096];
	FILE *f = fopen(below(name), "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);

	return text;
}

static int make_top(void **state)
{
	(void) state;
	arena_open(&arena);
	strcpy(top + strlen(top) - 6, "XXXXXX");

	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	char command[128];

	(void) state;
	fmt_text(command, sizeof(command), "rm -r %s", top);

	return system(command);
}

/* What is printed of the cgroups @dirs, NULL-terminated. */
static const char *printed(const char *const *dirs)
{
	struct container_stats stats = { .interface_count = 0 };
	struct out out = { .fd = -1 };

	cgroup_stats_read(dirs, &arena, &stats.cgroup);
	stats_print_json(&out, &stats);
	assert_true(out.used < OUT_SIZE);

	return arena_memdup(&arena, out.buffer, out.used);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
}

static const char nothing[] =
	"{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0},\"throttling\":{}},"
	"\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,"
	"\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,"
	"\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
	"\"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},"
	"\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},"
	"\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}";

static void without_cgroups_everything_is_nothing(void **state)
{
	(void) state;
	assert_string_equal(printed((const char *const[]) { NULL }), nothing);
	assert_string_equal(printed((const char *const[]) { top, NULL }), nothing);
	assert_string_equal(printed((const char *const[]) { "/nonexistent", NULL }), nothing);
}

static void v1_cpu_and_cpuset(void **state)
{
	(void) state;
	put("cpuacct.usage", "123456789\n");
	put("cpuacct.usage_percpu", "100 0 23 \n");
	put("cpuacct.stat", "user 3\nsystem 4\n");
	put("cpuacct.usage_all", "cpu user system\n0 10 20\n1 0 5\n");
	put("cpu.shares", "1024\n");
	put("cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 99\n");
	put("cpuset.cpus", "0-2,7\n");
	put("cpuset.mems", "0\n");
	put("cpuset.cpu_exclusive", "1\n");
	put("cpuset.sched_load_balance", "1\n");
	put("cpuset.sched_relax_domain_level", "-1\n");

	const char *text = printed((const char *const[]) { "/nonexistent", top, NULL });
	assert_has(text, "\"cpu\":{\"usage\":{\"total\":123456789,\"percpu\":[100,0,23],"
			 "\"percpu_kernel\":[20,5],\"percpu_user\":[10,0],\"kernel\":40000000,"
			 "\"user\":30000000},\"throttling\":{\"periods\":7,\"throttledPeriods\":2,"
			 "\"throttledTime\":99}}");
	assert_has(text, "\"cpuset\":{\"cpus\":[0,1,2,7],\"cpu_exclusive\":1,\"mems\":[0],");
	assert_has(text, "\"sched_load_balance\":1,\"sched_relax_domain_level\":-1}");
}

static void v1_memory_pids_and_hugetlb(void **state)
{
	(void) state;
	put("memory.usage_in_bytes", "1000\n");
	put("memory.limit_in_bytes", "2000\n");
	put("memory.max_usage_in_bytes", "1500\n");
	put("memory.failcnt", "3\n");
	put("memory.kmem.limit_in_bytes", "9223372036854771712\n");
	put("memory.stat", "cache 64\nrss 0\n");
	put("pids.current", "5\n");
	put("pids.max", "max\n");
	put("hugetlb.2MB.usage_in_bytes", "0\n");
	put("hugetlb.2MB.max_usage_in_bytes", "4194304\n");
	put("hugetlb.2MB.failcnt", "1\n");
	put("hugetlb.1GB.usage_in_bytes", "7\n");
	put("hugetlb.1GB.rsvd.usage_in_bytes", "8\n");

	const char *text = printed((const char *const[]) { top, NULL });
	assert_has(text,
		   "\"memory\":{\"cache\":64,\"usage\":{\"limit\":2000,\"usage\":1000,\"max\":1500,"
		   "\"failcnt\":3},\"swap\":{\"limit\":0,\"failcnt\":0},"
		   "\"kernel\":{\"limit\":9223372036854771712,\"failcnt\":0}");
	assert_has(text, "\"raw\":{\"cache\":64,\"rss\":0}}");
	assert_has(text, "\"pids\":{\"current\":5}");
	assert_has(text, "\"2MB\":{\"max\":4194304,\"failcnt\":1}");
	assert_has(text, "\"1GB\":{\"usage\":8,\"failcnt\":0}");
}

static void v1_block_io_is_taken_where_it_is_counted(void **state)
{
	(void) state;
	put("blkio.reset_stats", "");
	put("blkio.throttle.io_serviced", "8:0 Read 3\n8:0 Write 0\nTotal 3\n");
	put("blkio.throttle.io_service_bytes", "8:16 Read 4096\nTotal 4096\n");
	assert_has(
		printed((const char *const[]) { top, NULL }),
		"\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\","
		"\"value\":4096}],\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\","
		"\"value\":3},{\"major\":8,\"op\":\"Write\"}]}");
	put("blkio.bfq.io_serviced_recursive", "8:0 Sync 9\n");
	put("blkio.bfq.sectors_recursive", "8:0 11\n");
	assert_has(printed((const char *const[]) { top, NULL }),
		   "\"blkio\":{\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Sync\",\"value\":9}],"
		   "\"sectorsRecursive\":[{\"major\":8,\"value\":11}]}");
}

static void v2_is_told_in_the_terms_of_v1(void **state)
{
	(void) state;
	put("cgroup.events", "populated 1\nfrozen 0\n");
	put("cpu.stat", "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 3\nnr_throttled 2\n"
			"throttled_usec 1\n");
	put("cpu.pressure", "some avg10=0.00 avg60=1.50 avg300=12.25 total=77\n");
	put("memory.current", "1000\n");
	put("memory.max", "2000\n");
	put("memory.peak", "1100\n");
	put("memory.events", "low 0\nhigh 1\nmax 4\noom 0\noom_kill 0\n");
	put("memory.swap.current", "10\n");
	put("memory.swap.max", "500\n");
	put("memory.stat", "anon 1\nfile 64\n");
	put("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n259:1 \n");
	put("pids.current", "5\n");
	put("pids.max", "50\n");
	put("hugetlb.2MB.current", "0\n");
	put("hugetlb.2MB.rsvd.current", "2097152\n");
	put("hugetlb.2MB.events", "max 6\n");

	const char *text = printed((const char *const[]) { top, NULL });
	assert_has(text,
		   "\"cpu\":{\"usage\":{\"total\":9000,\"kernel\":4000,\"user\":5000},"
		   "\"throttling\":{\"periods\":3,\"throttledPeriods\":2,\"throttledTime\":1000},"
		   "\"psi\":{\"some\":{\"avg10\":0,\"avg60\":1.5,\"avg300\":12.25,\"total\":77},"
		   "\"full\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":0}}}");
	assert_has(text,
		   "\"memory\":{\"cache\":64,\"usage\":{\"limit\":2000,\"usage\":1000,\"max\":1100,"
		   "\"failcnt\":4},\"swap\":{\"limit\":2500,\"usage\":1010,\"failcnt\":0}");
	assert_has(text, "\"raw\":{\"anon\":1,\"file\":64}}");
	assert_has(text, "\"pids\":{\"current\":5,\"limit\":50}");
	assert_has(
		text,
		"\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
		"{\"major\":8,\"op\":\"Write\",\"value\":2}],\"ioServicedRecursive\":["
		"{\"major\":8,\"op\":\"Read\",\"value\":3},{\"major\":8,\"op\":\"Write\",\"value\":4}]}");
	assert_has(text, "\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"failcnt\":6}}");

	put("memory.max", "max\n");
	assert_has(
		printed((const char *const[]) { top, NULL }),
		"\"usage\":{\"limit\":18446744073709551615,\"usage\":1000,\"max\":1100,\"failcnt\":4},"
		"\"swap\":{\"limit\":18446744073709551615,");
}

static void v2_without_the_pids_controller_counts_processes(void **state)
{
	(void) state;
	put("cgroup.events", "populated 1\nfrozen 0\n");
	put("cgroup.procs", "7\n8\n9\n");
	assert_has(printed((const char *const[]) { top, NULL }), "\"pids\":{\"current\":3}");
}

static void files_of_any_length_are_read_whole(void **state)
{
	struct cgroup_stats stats;
	FILE *f = fopen(below("io.stat"), "w");

	(void) state;
	for (int i = 0; i < 3000; i++)
		fprintf(f, "8:%d rbytes=%d wbytes=0 rios=1 wios=0\n", i, i);
	fclose(f);
	cgroup_stats_read((const char *const[]) { top, NULL }, &arena, &stats);
	assert_int_equal(stats.io.tables[IO_SERVICE_BYTES].count, 6000);
	assert_int_equal(stats.io.tables[IO_SERVICE_BYTES].items[5998].minor, 2999);
	assert_int_equal(stats.io.tables[IO_SERVICE_BYTES].items[5998].value, 2999);
}

static void interfaces_are_read_but_for_lo(void **state)
{
	struct container_stats stats = { .interface_count = 9 };
	char text[] =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
		"    lo:  10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n"
		"  eth0: 1000 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		"eth0:1:1 0 0 0 0 0 0 0 18446744073709551615 0 0 0 0 0 0 0\n";

	(void) state;
	interfaces_parse(text, &arena, &stats);
	assert_int_equal(stats.interface_count, 2);

	const struct interface_stats *i = stats.interfaces;
	assert_string_equal(i->name, "eth0");
	assert_int_equal(i->rx_bytes, 1000);
	assert_int_equal(i->rx_packets, 2);
	assert_int_equal(i->rx_errors, 3);
	assert_int_equal(i->rx_dropped, 4);
	assert_int_equal(i->tx_bytes, 9);
	assert_int_equal(i->tx_packets, 10);
	assert_int_equal(i->tx_errors, 11);
	assert_int_equal(i->tx_dropped, 12);
	assert_string_equal(i[1].name, "eth0:1");
	assert_true(i[1].tx_bytes == UINT64_MAX);
}

/* ---- former values ---- */

/* What is written back after @value was written to @file, which held @held. */
static const char *restored(const char *file, const char *held, const char *value)
{
	struct previous f;
	struct err e;

	put(file, held);
	assert_int_equal(previous_read(&f, top, file, value, &arena, &e), 0);
	put(file, "");
	assert_int_equal(previous_restore(&f, top), 0);

	return get(file);
}

static void a_former_value_is_written_back(void **state)
{
	struct previous f;
	struct err e;

	(void) state;
	assert_string_equal(restored("cpu.max", "max 100000\n", "5000 10000"), "max 100000");
	assert_string_equal(restored("pids.max", "max\n", "3"), "max");
	assert_string_equal(restored("cpuset.cpus", "\n", "0"), "\n");
	assert_string_equal(
		restored("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\n", "0"), "1");
	assert_int_equal(previous_read(&f, top, "not.there", "1", &arena, &e), 0);
	assert_null(f.value);
	assert_int_equal(previous_restore(&f, top), 0);
}

/* What is lost must not be overwritten: a directory can't be read by anybody. */
static void a_former_value_that_cannot_be_read_is_an_error(void **state)
{
	struct previous f;
	struct err e;

	(void) state;
	assert_int_equal(mkdir(arena_printf(&arena, "%s/memory.max", top), 0700), 0);
	assert_int_equal(previous_read(&f, top, "memory.max", "1", &arena, &e), -1);
	assert_string_equal(e.text, "read what \"memory.max\" holds: is a directory");
	f = (struct previous) { .file = "memory.max", .value = "2" };
	assert_int_equal(previous_restore(&f, top), -EISDIR);
}

static void a_former_value_is_that_of_the_device(void **state)
{
	static const char max[] = "8:0 rbps=5 wbps=max riops=max wiops=max\n8:16 rbps=7 wbps=max\n";

	(void) state;
	assert_string_equal(restored("io.max", max, "8:16 rbps=1"), "8:16 rbps=7 wbps=max");
	assert_string_equal(restored("io.max", max, "8:1 rbps=1"),
			    "8:1 rbps=max wbps=max riops=max wiops=max");
	assert_string_equal(restored("io.weight", "default 100\n8:0 50\n", "default 7"),
			    "default 100");
	assert_string_equal(restored("io.weight", "default 100\n8:0 50\n", "8:16 7"),
			    "8:16 default");
	assert_string_equal(restored("blkio.throttle.read_bps_device", "", "8:0 4096"), "8:0 0");
	assert_string_equal(
		restored("rdma.max", "mlx hca_handle=2 hca_object=max\n", "mlx hca_handle=9"),
		"mlx hca_handle=2 hca_object=max");
}

static void switching_idle_off_gives_the_weight_back(void **state)
{
	struct previous f;
	struct err e;

	(void) state;
	put("cpu.idle", "0\n");
	put("cpu.weight", "59\n");
	assert_int_equal(previous_read(&f, top, "cpu.idle", "1", &arena, &e), 0);
	put("cpu.weight", "");
	put("cpu.idle", "");
	assert_int_equal(previous_restore(&f, top), 0);
	assert_string_equal(get("cpu.weight"), "59");
	assert_string_equal(get("cpu.idle"), "0");
}

/* ---- user namespaces ---- */

/* Linux before 3.19 has no such file, and asks for nothing: as if there were no such process. */
static void what_cannot_be_denied_is_not_denied(void **state)
{
	struct create c = { .pid = 0x7fffffff };
	struct err e;

	(void) state;
	assert_int_equal(idmap_deny_setgroups(&c, &e), 0);
}

/* ---- resctrl ---- */

static void resctrl_is_written_to_the_containers_group(void **state)
{
	const struct update_schemata both = { "L3:0=f", "MB:0=20" }, l3 = { "L3:0=3", NULL };
	const struct update_schemata mb = { NULL, "MB:0=30" };
	struct err e = { 0 };

	(void) state;
	assert_int_equal(schemata_write(NULL, "res:/web\nmon:\n", &l3, &arena, &e), -1);
	assert_string_equal(e.text, "Intel RDT/CAT: l3 cache schema is not enabled");
	assert_int_equal(schemata_write(top, "res:/web\n", &mb, &arena, &e), -1);
	assert_string_equal(e.text, "Intel RDT/MBA: memory bandwidth schema is not enabled");
	mkdir(below("info"), 0700);
	mkdir(below("info/L3CODE"), 0700);
	mkdir(below("info/MB"), 0700);
	mkdir(below("web"), 0700);
	put("web/schemata", "");
	assert_int_equal(schemata_write(top, "res:/\nmon:\n", &l3, &arena, &e), -1);
	assert_string_equal(e.text, "the container has no resctrl group of its own");
	assert_int_equal(schemata_write(top, "res:/web\nmon:\n", &both, &arena, &e), 0);
	assert_string_equal(get("web/schemata"), "L3:0=f\nMB:0=20\n");
	put("web/schemata", "");
	assert_int_equal(schemata_write(top, "res:/web", &mb, &arena, &e), 0);
	assert_string_equal(get("web/schemata"), "MB:0=30\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_top, remove_top)
	const struct CMUnitTest tests[] = {
		TEST(without_cgroups_everything_is_nothing),
		TEST(v1_cpu_and_cpuset),
		TEST(v1_memory_pids_and_hugetlb),
		TEST(v1_block_io_is_taken_where_it_is_counted),
		TEST(v2_is_told_in_the_terms_of_v1),
		TEST(v2_without_the_pids_controller_counts_processes),
		TEST(files_of_any_length_are_read_whole),
		TEST(interfaces_are_read_but_for_lo),
		TEST(a_former_value_is_written_back),
		TEST(a_former_value_is_that_of_the_device),
		TEST(a_former_value_that_cannot_be_read_is_an_error),
		TEST(switching_idle_off_gives_the_weight_back),
		TEST(what_cannot_be_denied_is_not_denied),
		TEST(resctrl_is_written_to_the_containers_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
