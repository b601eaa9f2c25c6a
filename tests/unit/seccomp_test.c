/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/seccomp_test.c - plan/seccomp/profile.c
 *
 * What a filter does is found out by running it in the interpreter of seccomp_harness.h, so nothing has to be loaded.
 */
#include "seccomp_harness.h"
#include "skip.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static struct arena arena;

/* In @json single quotes stand for double ones. */
static const char *quoted(const char *json)
{
	char *text = arena_strdup(&arena, json);

	for (char *at = text; *at; at++)
		if (*at == '\'')
			*at = '"';

	return text;
}

static int compile(struct seccomp_program *program, const char *seccomp, bool strict, struct err *e)
{
	const char *json = arena_printf(
		&arena, "{\"ociVersion\":\"1.3.0\",\"linux\":{\"seccomp\":%s}}", quoted(seccomp));
	const struct oci_config *config = plan_case_decode(json, &arena);

	*e = (struct err) { 0 };

	if (seccomp_read_flags(program, config->linux->seccomp, ~0U, &arena, e) < 0)
		return -1;

	return seccomp_compile(program, config->linux->seccomp, strict, &arena, e);
}

static struct seccomp_program filter_of(const char *seccomp)
{
	struct seccomp_program program;
	struct err e;

	if (compile(&program, seccomp, false, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);

	return program;
}

static uint32_t result(const struct seccomp_program *p, uint32_t arch, int number, uint64_t first)
{
	struct seccomp_data data = { .nr = number, .arch = arch, .args = { first } };

	return seccomp_run(p, &data);
}

static void refuses(const char *seccomp, const char *expected)
{
	struct seccomp_program program;
	struct err e;
	char line[2048];

	if (compile(&program, seccomp, false, &e) == 0)
		fail_msg("not refused: %s", seccomp);
	err_line(&e, line, sizeof(line));
	assert_string_equal(line, expected);
}

static void actions_have_their_results(void **state)
{
	static const struct {
		const char *action;
		uint32_t result;
	} cases[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
	};
	size_t count;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seccomp_program p = filter_of(arena_printf(
			&arena,
			"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['chdir'],'action':'%s'}],"
			"'listenerPath':'/x'}",
			cases[i].action));

		assert_int_equal(result(&p, NATIVE, SYS_chdir, 0), cases[i].result);
		assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	}
	seccomp_action_names(&arena, &count);
	assert_int_equal(count, sizeof(cases) / sizeof(cases[0]) + 1);
}

static void errno_is_as_given(void **state)
{
	struct seccomp_program p;

	(void) state;
	p = filter_of("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'syscalls':["
		      "{'names':['read'],'action':'SCMP_ACT_ALLOW'},"
		      "{'names':['chdir'],'action':'SCMP_ACT_ERRNO','errnoRet':0},"
		      "{'names':['mount'],'action':'SCMP_ACT_ERRNO','errnoRet':5},"
		      "{'names':['umount2'],'action':'SCMP_ACT_ERRNO','errnoRet':38},"
		      "{'names':['ptrace'],'action':'SCMP_ACT_TRACE','errnoRet':65535}]}");
	assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, SYS_chdir, 0), SECCOMP_RET_ERRNO | 0);
	assert_int_equal(result(&p, NATIVE, SYS_mount, 0), SECCOMP_RET_ERRNO | 5);
	assert_int_equal(result(&p, NATIVE, SYS_umount2, 0), SECCOMP_RET_ERRNO | 38);
	assert_int_equal(result(&p, NATIVE, SYS_write, 0), SECCOMP_RET_ERRNO | 38);
	assert_int_equal(result(&p, NATIVE, SYS_ptrace, 0), SECCOMP_RET_TRACE | 65535);
}

static bool allows(const char *op, const char *values, uint64_t argument)
{
	struct seccomp_program p = filter_of(arena_printf(
		&arena,
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['personality'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,%s,'op':'SCMP_CMP_%s'}]}]}",
		values, op));

	return result(&p, NATIVE, SYS_personality, argument) == SECCOMP_RET_ALLOW;
}

static void operators_compare_64_bits(void **state)
{
#define BIG "'value':4294967296"
	const uint64_t big = (uint64_t) 1 << 32;

	(void) state;
	assert_true(allows("EQ", BIG, big) && !allows("EQ", BIG, 0));
	assert_true(allows("NE", BIG, 0) && !allows("NE", BIG, big));
	assert_true(allows("LT", BIG, big - 1) && !allows("LT", BIG, big));
	assert_true(allows("LE", BIG, big) && !allows("LE", BIG, big + 1));
	assert_true(allows("GT", BIG, big + 1) && !allows("GT", BIG, big));
	assert_true(allows("GE", BIG, big) && !allows("GE", BIG, big - 1));
	/* (argument & value) == valueTwo */
	assert_true(allows("MASKED_EQ", "'value':4294967297,'valueTwo':1", 3));
	assert_false(allows("MASKED_EQ", "'value':4294967297,'valueTwo':1", big + 1));
	assert_false(allows("MASKED_EQ", "'value':4294967297,'valueTwo':1", 2));
#undef BIG
}

static void conditions_on_one_argument_are_alternatives(void **state)
{
	struct seccomp_program p;

	(void) state;
	p = filter_of(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['personality'],"
		"'action':'SCMP_ACT_ALLOW','args':["
		"{'index':0,'value':0,'op':'SCMP_CMP_EQ'},{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]}]}");
	assert_int_equal(result(&p, NATIVE, SYS_personality, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, SYS_personality, 8), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, SYS_personality, 1), SECCOMP_RET_ERRNO | EPERM);
}

static void conditions_on_different_arguments_must_all_hold(void **state)
{
	struct seccomp_data data = { .nr = SYS_kill, .arch = NATIVE, .args = { 1, 2 } };
	struct seccomp_program p;

	(void) state;
	p = filter_of(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['kill'],"
		"'action':'SCMP_ACT_ALLOW','args':["
		"{'index':0,'value':1,'op':'SCMP_CMP_EQ'},{'index':1,'value':2,'op':'SCMP_CMP_EQ'}]}]}");
	assert_int_equal(seccomp_run(&p, &data), SECCOMP_RET_ALLOW);
	data.args[1] = 3;
	assert_int_equal(seccomp_run(&p, &data), SECCOMP_RET_ERRNO | EPERM);
}

static void architectures_come_besides_our_own(void **state)
{
	struct seccomp_program p;

	(void) state;
	if (NATIVE != AUDIT_ARCH_X86_64)
		skip_as("another processor than x86-64");
	p = filter_of("{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64',"
		      "'SCMP_ARCH_X86'],'syscalls':[{'names':['chdir','waitpid'],"
		      "'action':'SCMP_ACT_ALLOW'}]}");
	assert_int_equal(result(&p, NATIVE, SYS_chdir, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, AUDIT_ARCH_I386, 12 /* chdir */, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, AUDIT_ARCH_I386, 7 /* waitpid */, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, AUDIT_ARCH_ARM, 12, 0), SECCOMP_RET_KILL_THREAD);
}

static void unknown_names_are_passed_over_unless_strict(void **state)
{
	static const char seccomp[] =
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['no_such_call','read'],"
		"'action':'SCMP_ACT_ALLOW'}]}";
	struct seccomp_program p = filter_of(seccomp);
	struct err e;

	(void) state;
	assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(compile(&p, seccomp, true, &e), -1);
	assert_string_equal(e.place, "/linux/seccomp/syscalls/0");
	assert_string_equal(e.text, "unknown system call \"no_such_call\"");
}

static void repeated_rules_are_no_fault(void **state)
{
	struct seccomp_program p;

	(void) state;
	p = filter_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		      "{'names':['read','read'],'action':'SCMP_ACT_ALLOW'},"
		      "{'names':['read'],'action':'SCMP_ACT_ALLOW'},"
		      "{'names':['write'],'action':'SCMP_ACT_ERRNO'}]}");
	assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, SYS_write, 0), SECCOMP_RET_ERRNO | EPERM);
}

static void flags_are_those_of_the_kernel(void **state)
{
	(void) state;
	assert_int_equal(filter_of("{'defaultAction':'SCMP_ACT_ALLOW'}").flags,
			 SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(filter_of("{'defaultAction':'SCMP_ACT_ALLOW','flags':[]}").flags, 0);
	assert_int_equal(filter_of("{'defaultAction':'SCMP_ACT_ALLOW','flags':["
				   "'SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_TSYNC',"
				   "'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}")
				 .flags,
			 SECCOMP_FILTER_FLAG_LOG);
}

/* Marked by which way inside/filter.c has to go. */
static void a_listener_is_asked_for_only_to_notify(void **state)
{
	const uint32_t listener = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
				  1U << 4 /* TSYNC_ESRCH */;
	struct seccomp_program p;

	(void) state;
	p = filter_of("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/x'}");
	assert_false(p.notify);
	assert_int_equal(p.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	p = filter_of("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/x','syscalls':[{'names':"
		      "['chdir'],'action':'SCMP_ACT_NOTIFY'}],'flags':["
		      "'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}");
	assert_true(p.notify);
	assert_int_equal(p.flags, listener | 1U << 5);
}

static void flags_that_the_kernel_does_not_know_are_refused(void **state)
{
	const struct oci_linux_seccomp *config =
		plan_case_decode(quoted("{'ociVersion':'1.3.0','linux':{'seccomp':{'defaultAction':"
					"'SCMP_ACT_NOTIFY','listenerPath':'/x','flags':"
					"['SECCOMP_FILTER_FLAG_LOG']}}}"),
				 &arena)
			->linux->seccomp;
	struct seccomp_program p;
	struct err e = { 0 };

	(void) state;
	assert_int_equal(seccomp_read_flags(&p, config, SECCOMP_FILTER_FLAG_TSYNC, &arena, &e), -1);
	assert_string_equal(e.place, "/linux/seccomp/flags/0");
	assert_string_equal(
		e.text, "this kernel does not know the seccomp flag \"SECCOMP_FILTER_FLAG_LOG\"");
	e = (struct err) { 0 };
	assert_int_equal(seccomp_read_flags(&p, config, SECCOMP_FILTER_FLAG_LOG, &arena, &e), -1);
	assert_string_equal(e.text, "SCMP_ACT_NOTIFY needs Linux 5.7");

	/* what nobody asked for is left out */
	config =
		plan_case_decode(quoted("{'ociVersion':'1.3.0','linux':{'seccomp':{'defaultAction':"
					"'SCMP_ACT_ALLOW'}}}"),
				 &arena)
			->linux->seccomp;
	assert_int_equal(seccomp_read_flags(&p, config, 0, &arena, &e), 0);
	assert_int_equal(p.flags, 0);
}

/* ---- calls that are newer than the profile: 424 to 439 came with Linux 5.1 to 5.8 ---- */

static const char known_to_439[] =
	"{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86',"
	"'SCMP_ARCH_X32','SCMP_ARCH_ARM','SCMP_ARCH_AARCH64'],'syscalls':[{'names':['read','openat2'],"
	"'action':'SCMP_ACT_ALLOW'},{'names':['faccessat2'],'action':'SCMP_ACT_ERRNO','errnoRet':7}]}";

static void newer_calls_get_enosys_and_older_ones_the_default(void **state)
{
	struct seccomp_program p = filter_of(known_to_439);

	(void) state;
	assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, 437, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, 438, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(result(&p, NATIVE, 439, 0), SECCOMP_RET_ERRNO | 7);
	assert_int_equal(result(&p, NATIVE, 440, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(result(&p, NATIVE, 1000, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

/* Each architecture counts by itself; x32 has numbers with a bit of their own, ARM some far above. */
static void newer_is_counted_for_each_architecture(void **state)
{
	struct seccomp_program p = filter_of(known_to_439);

	(void) state;
	if (NATIVE != AUDIT_ARCH_X86_64)
		skip_as("another processor than x86-64");
	assert_int_equal(result(&p, AUDIT_ARCH_I386, 3 /* read */, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, AUDIT_ARCH_I386, 438, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(result(&p, AUDIT_ARCH_I386, 440, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(result(&p, NATIVE, 0x40000000 + 1, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(result(&p, NATIVE, 0x40000000 + 437, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(result(&p, NATIVE, 0x40000000 + 600, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(result(&p, AUDIT_ARCH_ARM, 440, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(result(&p, AUDIT_ARCH_ARM, 0x0f0002, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(result(&p, AUDIT_ARCH_AARCH64, 440, 0), SECCOMP_RET_ERRNO | ENOSYS);

	/* without x32 in the profile its calls are what they were: of a wrong architecture */
	p = filter_of("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['read'],"
		      "'action':'SCMP_ACT_ALLOW'}]}");
	assert_int_equal(result(&p, NATIVE, 0x40000000, 0), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(result(&p, NATIVE, 1, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

static void only_a_default_of_errno_is_changed_for_newer_calls(void **state)
{
	static const struct {
		const char *action;
		uint32_t result;
	} cases[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seccomp_program p = filter_of(arena_printf(
			&arena,
			"{'defaultAction':'%s','listenerPath':'/x','syscalls':[{'names':['read'],"
			"'action':'SCMP_ACT_ERRNO'}]}",
			cases[i].action));

		assert_int_equal(result(&p, NATIVE, 1000, 0), cases[i].result);
	}
}

static void all_architectures_of_the_spec_are_taken(void **state)
{
	size_t count;
	const char **names = seccomp_arch_names(&arena, &count);

	(void) state;
	assert_int_equal(count, 23);
	for (size_t i = 0; i < count; i++) {
		struct seccomp_program p = filter_of(arena_printf(
			&arena,
			"{'defaultAction':'SCMP_ACT_ERRNO','architectures':['%s'],'syscalls':["
			"{'names':['read'],'action':'SCMP_ACT_ALLOW'}]}",
			names[i]));

		assert_int_equal(result(&p, NATIVE, SYS_read, 0), SECCOMP_RET_ALLOW);
	}
}

/* ---- what is known of a call before anybody makes it ---- */

static void a_result_is_constant_or_not(void **state)
{
	struct seccomp_program p =
		filter_of("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
			  "{'names':['execve'],'action':'SCMP_ACT_KILL_PROCESS'},"
			  "{'names':['sendmsg'],'action':'SCMP_ACT_ERRNO','errnoRet':9},"
			  "{'names':['exit_group'],'action':'SCMP_ACT_ERRNO','args':["
			  "{'index':0,'value':1,'op':'SCMP_CMP_EQ'}]}]}");
	uint32_t r = 0;

	(void) state;
	assert_true(seccomp_constant_result(&p, SYS_execve, &r));
	assert_int_equal(r, SECCOMP_RET_KILL_PROCESS);
	assert_true(seccomp_constant_result(&p, SYS_sendmsg, &r));
	assert_int_equal(r, SECCOMP_RET_ERRNO | 9);
	assert_true(seccomp_constant_result(&p, SYS_read, &r));
	assert_int_equal(r, SECCOMP_RET_ALLOW);
	assert_false(seccomp_constant_result(&p, SYS_exit_group, &r));
}

static void a_result_may_be_known_with_the_arguments(void **state)
{
	static const uint64_t plain[6] = { 0x8000 }, namespaced[6] = { 0x8000 | 0x20000000 };
	struct seccomp_program p = filter_of(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':["
		"{'index':0,'value':2114060288,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]}]}");
	uint32_t r = 0;

	(void) state;
	assert_false(seccomp_result(&p, SYS_clone, NULL, &r));
	assert_true(seccomp_result(&p, SYS_clone, plain, &r));
	assert_int_equal(r, SECCOMP_RET_ALLOW);
	assert_true(seccomp_result(&p, SYS_clone, namespaced, &r));
	assert_int_not_equal(r, SECCOMP_RET_ALLOW);
	/* of a child that is to be born, and of one that only waits */
	assert_false(seccomp_lets_go_on(&p, false, false));
}

static void what_is_left_is_looked_at_call_by_call(void **state)
{
	struct seccomp_program all = filter_of("{'defaultAction':'SCMP_ACT_ALLOW'}");
	struct seccomp_program no_session =
		filter_of("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
			  "{'names':['setsid'],'action':'SCMP_ACT_ERRNO'}]}");
	struct seccomp_program logs = filter_of("{'defaultAction':'SCMP_ACT_LOG'}");

	(void) state;
	assert_true(seccomp_lets_go_on(&all, true, true));
	assert_true(seccomp_lets_go_on(&no_session, true, false));
	assert_false(seccomp_lets_go_on(&no_session, false, true));
	/* what is done would be in the host's log */
	assert_false(seccomp_lets_go_on(&logs, false, false));
}

/* libseccomp's time grows with the square of their number. */
static void more_rules_than_any_kernel_takes_are_refused(void **state)
{
	static const char name[] = "'read',", end[] = "'read'],'action':'SCMP_ACT_ERRNO'}]}";
	size_t count = 5000;
	char *text = arena_alloc(&arena, count * sizeof(name) + 256);
	size_t length =
		fmt_text(text, 256, "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[");

	(void) state;
	while (count-- > 0)
		length += fmt_text(text + length, sizeof(name), "%s", name);
	fmt_text(text + length, sizeof(end), "%s", end);
	refuses(text, "/linux/seccomp/syscalls/0: more than 5000 rules, and the kernel takes 4096 "
		      "instructions");
}

static void bad_filters_are_refused(void **state)
{
	(void) state;
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}",
		"/linux/seccomp/defaultErrnoRet: defaultErrnoRet goes with SCMP_ACT_ERRNO and "
		"SCMP_ACT_TRACE, not with SCMP_ACT_ALLOW");
	refuses("{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}",
		"/linux/seccomp/defaultErrnoRet: defaultErrnoRet 4096 is above 4095");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_KILL','errnoRet':1}]}",
		"/linux/seccomp/syscalls/0/errnoRet: errnoRet goes with SCMP_ACT_ERRNO and "
		"SCMP_ACT_TRACE, not with SCMP_ACT_KILL");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_TRACE','errnoRet':65536}]}",
		"/linux/seccomp/syscalls/0/errnoRet: errnoRet 65536 is above 65535");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		"'action':'SCMP_ACT_KILL','args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		"/linux/seccomp/syscalls/0/args/0/index: a system call has arguments 0 to 5, not 6");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'x'}",
		"/linux/seccomp/listenerMetadata: listenerMetadata goes with listenerPath only");
	refuses("{'defaultAction':'SCMP_ACT_NOTIFY'}",
		"/linux/seccomp/listenerPath: SCMP_ACT_NOTIFY needs a listenerPath");
	refuses("{'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/x'}",
		"/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY cannot be used as default action "
		"(a runtime has to write before the agent has its listener)");
	refuses("{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/x','syscalls':[{'names':['read',"
		"'write'],'action':'SCMP_ACT_NOTIFY'}]}",
		"/linux/seccomp/syscalls/0/names/1: SCMP_ACT_NOTIFY cannot be used for the write "
		"syscall (a runtime has to write before the agent has its listener)");
}

static void words_are_unique(void **state)
{
	const char **(*const lists[])(struct arena *,
				      size_t *) = { seccomp_action_names, seccomp_operator_names,
						    seccomp_arch_names, seccomp_flag_names };

	(void) state;
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		size_t count;
		const char **names = lists[l](&arena, &count);

		assert_true(count > 0);
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(names[i], names[k]);
	}
}

static int open_arena(void **state)
{
	(void) state;
	arena_open(&arena);

	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_have_their_results),
		cmocka_unit_test(errno_is_as_given),
		cmocka_unit_test(operators_compare_64_bits),
		cmocka_unit_test(conditions_on_one_argument_are_alternatives),
		cmocka_unit_test(conditions_on_different_arguments_must_all_hold),
		cmocka_unit_test(architectures_come_besides_our_own),
		cmocka_unit_test(unknown_names_are_passed_over_unless_strict),
		cmocka_unit_test(repeated_rules_are_no_fault),
		cmocka_unit_test(flags_are_those_of_the_kernel),
		cmocka_unit_test(a_listener_is_asked_for_only_to_notify),
		cmocka_unit_test(flags_that_the_kernel_does_not_know_are_refused),
		cmocka_unit_test(newer_calls_get_enosys_and_older_ones_the_default),
		cmocka_unit_test(newer_is_counted_for_each_architecture),
		cmocka_unit_test(only_a_default_of_errno_is_changed_for_newer_calls),
		cmocka_unit_test(all_architectures_of_the_spec_are_taken),
		cmocka_unit_test(a_result_is_constant_or_not),
		cmocka_unit_test(a_result_may_be_known_with_the_arguments),
		cmocka_unit_test(what_is_left_is_looked_at_call_by_call),
		cmocka_unit_test(more_rules_than_any_kernel_takes_are_refused),
		cmocka_unit_test(bad_filters_are_refused),
		cmocka_unit_test(words_are_unique),
	};

	return cmocka_run_group_tests(tests, open_arena, NULL);
}
