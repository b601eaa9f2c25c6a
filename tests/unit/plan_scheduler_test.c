/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_scheduler_test.c - plan/process/scheduler.c and plan/cpu_list.c
 */
#include "plan_harness.h"

#include "plan/cpu_list.h"

#define PROCESS(more)                                                                              \
	"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"]"           \
	", \"user\": { \"uid\": 0, \"gid\": 0 }, " more " } }"
#define SCHEDULER(more) PROCESS("\"scheduler\": { \"policy\": " more " }")
#define IO(class, number)                                                                          \
	PROCESS("\"ioPriority\": { \"class\": \"" class "\", \"priority\": " number " }")
#define DEADLINE_HOOK(flags)                                                                         \
	"{ \"ociVersion\": \"1.3.0\", \"hooks\": { \"startContainer\": [{ \"path\": \"/h\" }] },"    \
	" \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"], \"scheduler\": {"                       \
	" \"policy\": \"SCHED_DEADLINE\", \"runtime\": 1024, \"deadline\": 2048, \"flags\": [" flags \
	"] } } }"

static struct plan_case asking(plan_subject *subject)
{
	struct plan_case c = plan_case_of_root();

	c.subjects[0] = subject;

	return c;
}

static void each_policy_is_set_with_its_operands(void **state)
{
	static const struct {
		const char *json, *step;
	} cases[] = {
		{ SCHEDULER("\"SCHED_OTHER\", \"nice\": -20"), "SCHED_OTHER nice -20" },
		{ SCHEDULER("\"SCHED_OTHER\", \"nice\": 0, \"priority\": 0"), "SCHED_OTHER" },
		{ SCHEDULER("\"SCHED_BATCH\", \"nice\": 19"), "SCHED_BATCH nice 19" },
		{ SCHEDULER("\"SCHED_IDLE\""), "SCHED_IDLE" },
		{ SCHEDULER("\"SCHED_FIFO\", \"priority\": 1"), "SCHED_FIFO priority 1" },
		{ SCHEDULER("\"SCHED_RR\", \"priority\": 99"), "SCHED_RR priority 99" },
		{ SCHEDULER(
			  "\"SCHED_DEADLINE\", \"runtime\": 1024, \"deadline\": 2048, \"period\": 4096"),
		  "SCHED_DEADLINE runtime 1024 deadline 2048 period 4096" },
		{ SCHEDULER("\"SCHED_DEADLINE\", \"runtime\": 2000, \"deadline\": 2000"),
		  "SCHED_DEADLINE runtime 2000 deadline 2000 period 0" },
		{ SCHEDULER("\"SCHED_OTHER\", \"flags\": [\"SCHED_FLAG_RESET_ON_FORK\", "
			    "\"SCHED_FLAG_RECLAIM\", \"SCHED_FLAG_DL_OVERRUN\", "
			    "\"SCHED_FLAG_KEEP_POLICY\", \"SCHED_FLAG_KEEP_PARAMS\", "
			    "\"SCHED_FLAG_UTIL_CLAMP_MIN\", \"SCHED_FLAG_UTIL_CLAMP_MAX\"]"),
		  "SCHED_OTHER flags 0x7f" },
	};
	struct plan_case c = asking(plan_scheduler);

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];

		fmt_text(line, sizeof(line), "set-scheduler %s [/process/scheduler]\n",
			 cases[i].step);
		plan_case_gives(&c, cases[i].json, line);
	}
	plan_case_gives(&c, PROCESS("\"oomScoreAdj\": 1"), "");
	plan_case_gives(&c, "{ \"ociVersion\": \"1.3.0\" }", "");
}

static void what_no_policy_takes_is_refused(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ SCHEDULER("\"SCHED_OTHER\", \"nice\": 20"),
		  "/process/scheduler/nice: invalid scheduler.nice: 20" },
		{ SCHEDULER("\"SCHED_OTHER\", \"nice\": -21"),
		  "/process/scheduler/nice: invalid scheduler.nice: -21" },
		{ SCHEDULER("\"SCHED_ISO\""),
		  "/process/scheduler/policy: Linux does not implement SCHED_ISO" },
		{ SCHEDULER("\"SCHED_OTHER\", \"priority\": 1"),
		  "/process/scheduler/priority: scheduler.priority can only be specified for "
		  "SCHED_FIFO or SCHED_RR policy" },
		{ SCHEDULER("\"SCHED_FIFO\""),
		  "/process/scheduler/priority: invalid scheduler.priority: 0, SCHED_FIFO has 1 to 99" },
		{ SCHEDULER("\"SCHED_RR\", \"priority\": 100"),
		  "/process/scheduler/priority: invalid scheduler.priority: 100, SCHED_RR has 1 to 99" },
		{ SCHEDULER("\"SCHED_BATCH\", \"runtime\": 5"),
		  "/process/scheduler: scheduler runtime/deadline/period can only be specified for "
		  "SCHED_DEADLINE policy" },
		{ SCHEDULER("\"SCHED_DEADLINE\""),
		  "/process/scheduler: sched_setattr: `SCHED_DEADLINE` requires `runtime`" },
		{ SCHEDULER("\"SCHED_DEADLINE\", \"runtime\": 5000"),
		  "/process/scheduler: sched_setattr: `SCHED_DEADLINE` requires `deadline`" },
		{ SCHEDULER("\"SCHED_DEADLINE\", \"runtime\": 0, \"deadline\": 5000"),
		  "/process/scheduler/runtime: sched_setattr: `SCHED_DEADLINE` runtime must be greater than 0" },
		{ SCHEDULER("\"SCHED_DEADLINE\", \"runtime\": 1023, \"deadline\": 5000"),
		  "/process/scheduler/runtime: sched_setattr: `SCHED_DEADLINE` runtime 1023 must be between 1024 and 9223372036854775807" },
		{ SCHEDULER(
			  "\"SCHED_DEADLINE\", \"runtime\": 9223372036854775809, \"deadline\": 9223372036854775810"),
		  "/process/scheduler/runtime: sched_setattr: `SCHED_DEADLINE` runtime 9223372036854775809 must be between 1024 and 9223372036854775807" },
		{ SCHEDULER("\"SCHED_DEADLINE\", \"runtime\": 5000, \"deadline\": 4000"),
		  "/process/scheduler/runtime: sched_setattr: `SCHED_DEADLINE` runtime 5000 must be <= deadline 4000" },
		{ SCHEDULER(
			  "\"SCHED_DEADLINE\", \"runtime\": 1024, \"deadline\": 5000, \"period\": 4000"),
		  "/process/scheduler/deadline: sched_setattr: `SCHED_DEADLINE` deadline 5000 must be <= period 4000" },
		{ DEADLINE_HOOK(""),
		  "/process/scheduler/flags: startContainer hooks can't be started under "
		  "SCHED_DEADLINE without SCHED_FLAG_RESET_ON_FORK" },
	};
	struct plan_case c = asking(plan_scheduler);

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		plan_case_refuses(&c, cases[i].json, cases[i].line);
	plan_case_gives(
		&c, DEADLINE_HOOK("\"SCHED_FLAG_RESET_ON_FORK\""),
		"set-scheduler SCHED_DEADLINE runtime 1024 deadline 2048 period 0 flags 0x1 "
		"[/process/scheduler]\n");
}

static void io_priority_has_three_classes_of_eight_levels(void **state)
{
	struct plan_case c = asking(plan_io_priority);

	(void) state;
	plan_case_gives(&c, IO("IOPRIO_CLASS_RT", "0"),
			"set-io-priority IOPRIO_CLASS_RT 0 [/process/ioPriority]\n");
	plan_case_gives(&c, IO("IOPRIO_CLASS_BE", "7"),
			"set-io-priority IOPRIO_CLASS_BE 7 [/process/ioPriority]\n");
	plan_case_gives(&c, IO("IOPRIO_CLASS_IDLE", "4"),
			"set-io-priority IOPRIO_CLASS_IDLE 4 [/process/ioPriority]\n");
	plan_case_refuses(&c, IO("IOPRIO_CLASS_BE", "8"),
			  "/process/ioPriority/priority: invalid ioPriority.priority: 8");
	plan_case_refuses(&c, IO("IOPRIO_CLASS_BE", "-1"),
			  "/process/ioPriority/priority: invalid ioPriority.priority: -1");
}

static bool has(const struct cpu_set *set, unsigned cpu)
{
	return set->words[cpu / 64] >> cpu % 64 & 1;
}

static void processors_are_listed_as_the_kernel_does(void **state)
{
	struct cpu_set set;
	const char *fault;
	unsigned count = 0;

	(void) state;
	assert_int_equal(cpu_list_parse("0-3, 7 ,8191", &set, &fault), 0);
	for (unsigned cpu = 0; cpu < CPU_LIST_MOST; cpu++)
		count += has(&set, cpu);
	assert_int_equal(count, 6);
	assert_true(has(&set, 0) && has(&set, 3) && has(&set, 7) && has(&set, 8191));
	assert_int_equal(cpu_list_parse(" ", &set, &fault), 0);
	assert_false(has(&set, 0));
}

static void wrong_lists_of_processors_are_refused_although_exec_reads_them(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ PROCESS("\"execCPUAffinity\": { \"initial\": \"3-1\" }"),
		  "/process/execCPUAffinity/initial: \"3-1\" has a range that ends before it begins" },
		{ PROCESS("\"execCPUAffinity\": { \"final\": \"0-8192\" }"),
		  "/process/execCPUAffinity/final: \"0-8192\" has a processor above 8191" },
		{ PROCESS("\"execCPUAffinity\": { \"final\": \"99999999999999999999\" }"),
		  "/process/execCPUAffinity/final: \"99999999999999999999\" has a processor above 8191" },
		{ PROCESS("\"execCPUAffinity\": { \"initial\": \"0,\" }"),
		  "/process/execCPUAffinity/initial: \"0,\" is no list of processors like \"0-3,7\"" },
		{ PROCESS("\"execCPUAffinity\": { \"initial\": \"0-\" }"),
		  "/process/execCPUAffinity/initial: \"0-\" is no list of processors like \"0-3,7\"" },
		{ PROCESS("\"execCPUAffinity\": { \"initial\": \"1 2\" }"),
		  "/process/execCPUAffinity/initial: \"1 2\" is no list of processors like \"0-3,7\"" },
		{ PROCESS("\"execCPUAffinity\": { \"initial\": \"-1\" }"),
		  "/process/execCPUAffinity/initial: \"-1\" is no list of processors like \"0-3,7\"" },
	};
	struct plan_case c = asking(plan_exec_affinity);

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		plan_case_refuses(&c, cases[i].json, cases[i].line);
	plan_case_gives(&c,
			PROCESS("\"execCPUAffinity\": { \"initial\": \"\", \"final\": \"0-3,7\" }"),
			"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_is_set_with_its_operands),
		cmocka_unit_test(what_no_policy_takes_is_refused),
		cmocka_unit_test(io_priority_has_three_classes_of_eight_levels),
		cmocka_unit_test(processors_are_listed_as_the_kernel_does),
		cmocka_unit_test(wrong_lists_of_processors_are_refused_although_exec_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
