/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/cli_update_test.c - sizes and times, the flags of update, the lines of ps
 */
#include "base/table.h"
#include "cli/ps.h"
#include "base/units.h"
#include "cli/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void sizes_have_units_of_1024(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "1b", 1 },
		{ "32k", 32768 },
		{ "32K", 32768 },
		{ "512m", 512 << 20 },
		{ "1.5m", 3 << 19 },
		{ "1.5GiB", (int64_t) 3 << 29 },
		{ "2 gb", (int64_t) 2 << 30 },
		{ ".5k", 512 },
		{ "1t", (int64_t) 1 << 40 },
		{ "8191p", (int64_t) 8191 << 50 },
		{ "9223372036854775807", INT64_MAX },
	};
	static const char *const bad[] = { "",
					   "m",
					   "-1",
					   "5q",
					   "1.2.3",
					   "1  m",
					   "1mm",
					   "1 mi ",
					   "0x10",
					   "8192p",
					   "9223372036854775808",
					   "99999999999999999999999" };
	int64_t bytes;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(units_parse_size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (units_parse_size(bad[i], &bytes) == 0)
			fail_msg("\"%s\" is taken for a size", bad[i]);
}

static void times_are_those_of_go(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "5s", 5000000000 },
		{ "250ms", 250000000 },
		{ "1m30s", 90000000000 },
		{ "1.5h", 5400000000000 },
		{ "1us", 1000 },
		{ "1\302\265s", 1000 },
		{ "7ns", 7 },
		{ "1h1m1s1ms1us1ns", 3661001001001 },
		{ ".5s", 500000000 },
	};
	static const char *const bad[] = { "",	  "5",	 "s",	     "-5s", "1x",
					   "1s2", "1 s", "3000000h", "1s-" };
	int64_t ns;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(units_parse_duration(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (units_parse_duration(bad[i], &ns) == 0)
			fail_msg("\"%s\" is taken for a time", bad[i]);
}

static void flags_become_resources(void **state)
{
	const struct update_options o = {
		.memory = "-1",
		.memory_swap = "1g",
		.memory_reservation = "0",
		.cpu_period = "100000",
		.cpu_quota = "-1",
		.cpu_burst = "0",
		.cpu_share = "512",
		.cpu_idle = "1",
		.cpu_rt_period = "7",
		.cpu_rt_runtime = "-8",
		.cpuset_cpus = "0-1",
		.cpuset_mems = "0",
		.pids_limit = "-1",
		.blkio_weight = "500",
		.kernel_memory = "1m",
	};
	struct oci_linux_resources r;
	struct arena a;
	struct err e;

	(void) state;
	arena_open(&a);
	assert_int_equal(update_resources(&o, &a, &r, &e), 0);
	assert_true(r.memory->has_limit && r.memory->limit == -1);
	assert_true(r.memory->has_swap && r.memory->swap == 1 << 30);
	assert_true(r.memory->has_reservation && r.memory->reservation == 0);
	assert_false(r.memory->has_kernel);
	assert_true(r.cpu->has_period && r.cpu->period == 100000);
	assert_true(r.cpu->has_quota && r.cpu->quota == -1);
	assert_true(r.cpu->has_burst && r.cpu->burst == 0);
	assert_true(r.cpu->has_shares && r.cpu->shares == 512);
	assert_true(r.cpu->has_idle && r.cpu->idle == 1);
	assert_true(r.cpu->has_realtime_period && r.cpu->realtime_period == 7);
	assert_true(r.cpu->has_realtime_runtime && r.cpu->realtime_runtime == -8);
	assert_string_equal(r.cpu->cpus, "0-1");
	assert_string_equal(r.cpu->mems, "0");
	assert_true(r.pids->has_limit && r.pids->limit == -1);
	assert_true(r.block_io->has_weight && r.block_io->weight == 500);

	assert_int_equal(update_resources(&(struct update_options) { .memory = NULL }, &a, &r, &e),
			 0);
	assert_false(r.memory->has_limit || r.cpu->has_quota || r.cpu->has_idle ||
		     r.pids->has_limit || r.block_io->has_weight);
	assert_null(r.cpu->cpus);

	assert_int_equal(
		update_resources(&(struct update_options) { .cpu_share = "-1" }, &a, &r, &e), -1);
	assert_string_equal(e.text, "invalid value for cpu-share: \"-1\"");
}

/* What is left of @text for the processes 7 and 30. */
static const char *table(const char *text, int expected, struct err *e)
{
	static const pid_t pids[] = { 7, 30 };
	static char copy[512];
	static struct out out;
	static struct arena a;

	arena_open(&a);
	out = (struct out) { .fd = -1 };
	strcpy(copy, text);
	assert_int_equal(ps_print_table(&out, copy, &(struct process_list) { pids, 2 }, &a, e),
			 expected);
	out.buffer[out.used] = '\0';

	return out.buffer;
}

static void lines_of_other_processes_are_left_out(void **state)
{
	struct err e;

	(void) state;
	assert_string_equal(table("UID   PID PPID\nroot    7  1\nx 1 7\nroot   30 1\n\n", 0, &e),
			    "UID   PID PPID\nroot    7  1\nroot   30 1\n");
	assert_string_equal(table("PID\n 7\n 70\n", 0, &e), "PID\n 7\n");
	table("UID PPID SPID\nroot 7 7\n", -1, &e);
	assert_string_equal(e.text, "couldn't find PID field in ps output");
	table("", -1, &e);
	assert_string_equal(e.text, "couldn't find PID field in ps output");
	table("UID PID\nroot\n", -1, &e);
	assert_string_equal(e.text, "unable to convert pid of ps output: \"root\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_units_of_1024),
		cmocka_unit_test(times_are_those_of_go),
		cmocka_unit_test(flags_become_resources),
		cmocka_unit_test(lines_of_other_processes_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
