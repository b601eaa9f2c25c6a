/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_steps_test.c - plan/steps.c, plan/describe.c, plan/dump.c, and heap/out.c below
 * it
 */
#include "plan_harness.h"

#include "base/table.h"
#include "heap/json_text.h"
#include "heap/out.h"
#include "kernel/mount.h"
#include "kernel/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the table ---- */

static void every_operation_has_a_name_of_its_own(void **state)
{
	(void) state;
	for (size_t i = 0; i < OP_COUNT; i++) {
		assert_non_null(step_kinds[i].name);
		assert_non_null(step_kinds[i].undo);
		/* it must fit into struct err's operation */
		assert_true(strlen(step_kinds[i].name) >= 1 &&
			    strlen(step_kinds[i].name) <=
				    sizeof(((struct err *) 0)->operation) - 1);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(step_kinds[i].name, step_kinds[j].name);
	}
}

static void the_host_does_what_needs_the_host(void **state)
{
	(void) state;
	for (size_t i = 0; i < OP_COUNT; i++) {
		bool host = i < OP_ENTER_SESSION || i == OP_RUN_HOST_HOOK || i == OP_PASS_CONSOLE ||
			    i == OP_SET_SCHEDULER || i == OP_SET_IO_PRIORITY || i == OP_NOTE_ROOT ||
			    i == OP_PRINT_OMITTED || i == OP_SET_PROCESS_LIMIT;

		assert_int_equal(step_kinds[i].side, host ? SIDE_HOST : SIDE_INIT);
	}
}

/* ---- operands ---- */

static void describes(const struct step *s, const char *operands)
{
	char text[512], cut[8];

	assert_int_equal(step_describe(s, text, sizeof(text)), strlen(operands));
	assert_string_equal(text, operands);
	assert_int_equal(step_describe(s, NULL, 0), strlen(operands));
	assert_int_equal(step_describe(s, cut, sizeof(cut)), strlen(operands));
	assert_int_equal(strncmp(cut, operands, sizeof(cut) - 1), 0);
	assert_true(strlen(cut) < sizeof(cut));
}

static void operands_are_told_in_one_line(void **state)
{
	static const char *const argv[] = { "sh", "-c", "echo \"a\"\nb", NULL };
	static const gid_t groups[] = { 4, 5 };
	const struct {
		struct step step;
		const char *operands;
	} cases[] = {
		{ { .op = OP_EXEC, .exec.argv = argv }, "\"sh\" \"-c\" \"echo \\\"a\\\"\\nb\"" },
		{ { .op = OP_WRITE_CGROUP,
		    .cgroup_file = { "/sys/fs/cgroup/web", "pids.max", "10", .optional = true } },
		  "pids.max = \"10\" in \"/sys/fs/cgroup/web\" if there" },
		{ { .op = OP_ATTACH_DEVICES, .devices = { "/sys/fs/cgroup/web", NULL, 12, false } },
		  "12 instructions to \"/sys/fs/cgroup/web\"" },
		{ { .op = OP_SET_OOM_SCORE, .number = -500 }, "-500" },
		{ { .op = OP_SET_UMASK, .number = 022 }, "0022" },
		{ { .op = OP_SET_HOSTNAME, .text = "a\tb" }, "\"a\\tb\"" },
		{ { .op = OP_SET_SYSCTL, .setting = { "net/ipv4/ip_forward", "1" } },
		  "net/ipv4/ip_forward = \"1\"" },
		{ { .op = OP_PROPAGATE, .propagation.flags = MS_SLAVE | MS_REC }, "rslave" },
		{ { .op = OP_MAKE_DEVICE,
		    .device = { "/dev/a", S_IFBLK | 0640, 8, 1, 0, 6, false, false, true } },
		  "\"/dev/a\" b 8:1 0640 0:6" },
		{ { .op = OP_RUN_HOST_HOOK,
		    .hook = { "prestart", 0, "creating", "/bin/hook", argv, argv, 7, false } },
		  "prestart \"/bin/hook\" within 7s" },
		{ { .op = OP_SET_RLIMIT, .rlimit = { "RLIMIT_NOFILE", 7, 1024, UINT64_MAX } },
		  "RLIMIT_NOFILE 1024:unlimited" },
		{ { .op = OP_SET_SCHEDULER,
		    .scheduler = { .name = "SCHED_RR",
				   .policy = 2,
				   .flags = 1,
				   .nice = -3,
				   .priority = 9 } },
		  "SCHED_RR nice -3 priority 9 flags 0x1" },
		{ { .op = OP_SET_IO_PRIORITY, .io_priority = { "IOPRIO_CLASS_BE", 2, 7 } },
		  "IOPRIO_CLASS_BE 7" },
		{ { .op = OP_SET_USER, .user = { 1, 2, groups, 2, true } }, "1:2 groups 4,5" },
		{ { .op = OP_SET_USER, .user = { 1, 2, NULL, 0, true } }, "1:2 no groups" },
		{ { .op = OP_SET_USER, .user = { 1, 2, NULL, 0, false } },
		  "1:2 groups as they are" },
		{ { .op = OP_SET_SECCOMP, .seccomp = { .count = 84, .flags = 4 } },
		  "84 instructions, flags 0x4" },
		{ { .op = OP_SET_CAPS, .caps = { .effective = 3, .permitted = 1 } },
		  "effective CAP_CHOWN,CAP_DAC_OVERRIDE permitted CAP_CHOWN inheritable none "
		  "ambient none" },
		{ { .op = OP_DROP_BOUNDING, .caps.bounding = 0 }, "to none" },
		{ { .op = OP_MAKE_DEVICE,
		    .device = { "/dev/a", S_IFCHR | 0640, 8, 1, 0, 6, true, true, true } },
		  "\"/dev/a\" c 8:1 bound, made by host 0640 0:6" },
		{ { .op = OP_MAKE_DIR, .path = "/srv" }, "\"/srv\"" },
		{ { .op = OP_PROTECT_MOUNT, .index = 1 }, "" },
		{ { .op = OP_BRING_DEVICES }, "" },
		{ { .op = OP_DROP_DEVICES }, "" },
		{ { .op = OP_PIVOT_ROOT }, "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		describes(&cases[i].step, cases[i].operands);
}

/* ---- what is printed ---- */

static int saved_stdout;
static char captured[65536];

static void capture_begin(void)
{
	char path[] = "/tmp/tare-out-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	saved_stdout = dup(1);
	dup2(fd, 1);
	close(fd);
}

static const char *capture_end(void)
{
	ssize_t length = pread(1, captured, sizeof(captured) - 1, 0);

	dup2(saved_stdout, 1);
	close(saved_stdout);
	captured[length > 0 ? length : 0] = '\0';

	return captured;
}

static const struct mount_step bind = { .source = "/srv/data", .target = "/data", .bind = true };

static const char *dump(const struct step *steps, size_t count, enum plan_form form)
{
	struct plan plan = { .steps = steps, .step_count = count };

	capture_begin();
	plan_dump(&plan, form, &(struct plan_wishes) { 0 });

	return capture_end();
}

static void a_plan_is_printed_in_columns(void **state)
{
	const struct step steps[] = {
		{ .op = OP_CLAIM_ID, .place = "", .path = "/run/tare/web" },
		{ .op = OP_ENTER_SESSION, .place = "" },
		{ .op = OP_MOUNT, .place = "/mounts/0", .mount = bind },
		{ .op = OP_PIVOT_ROOT, .place = "/root/path" },
		{ .op = OP_SET_HOSTNAME, .place = "", .text = "web" },
	};

	(void) state;
	assert_string_equal(
		dump(steps, ARRAY_SIZE(steps), PLAN_TEXT),
		"   1  host  claim-id       \"/run/tare/web\"              undo: remove-state\n"
		"   2  init  enter-session\n"
		"   3  init  mount          bind \"/srv/data\" on \"/data\"  [/mounts/0]\n"
		"   4  init  pivot-root                                  [/root/path]\n"
		"   5  init  set-hostname   \"web\"\n");
}

static void a_plan_is_printed_as_json(void **state)
{
	const struct step steps[] = {
		{ .op = OP_MAKE_CGROUP, .place = "/linux/cgroupsPath", .cgroup.path = "/c\"g" },
		{ .op = OP_ENTER_SESSION, .place = "" },
	};

	(void) state;
	assert_string_equal(
		dump(steps, ARRAY_SIZE(steps), PLAN_JSON),
		"[\n"
		"  { \"number\": 1, \"side\": \"host\", \"operation\": \"make-cgroup\", "
		"\"operands\": \"\\\"/c\\\\\\\"g\\\"\", \"place\": \"/linux/cgroupsPath\", "
		"\"undo\": \"remove-cgroup\" },\n"
		"  { \"number\": 2, \"side\": \"init\", \"operation\": \"enter-session\", "
		"\"operands\": \"\", \"place\": \"\", \"undo\": \"\" }\n"
		"]\n");
	assert_string_equal(dump(NULL, 0, PLAN_JSON), "[]\n");
}

/* Operands may be as long as config.json; what is shown ends before a character, never inside. */
static void a_terminal_has_a_line_for_each_part(void **state)
{
	const struct step steps[] = {
		{ .op = OP_CLAIM_ID, .place = "", .path = "/run/tare/web" },
		{ .op = OP_MOUNT, .place = "/mounts/3", .mount = bind },
		{ .op = OP_MOUNT, .place = "/mounts/4", .mount = bind },
		{ .op = OP_LOOPBACK_UP, .place = "/linux/namespaces/1" },
		{ .op = OP_LOOPBACK_UP, .place = "/linux/x\033" },
	};

	(void) state;
	assert_string_equal(
		dump(steps, ARRAY_SIZE(steps), PLAN_PARTS),
		"of every container\n"
		"   1  host  claim-id     \"/run/tare/web\"              undo: remove-state\n"
		"/mounts\n"
		"   2  init  mount        bind \"/srv/data\" on \"/data\"  [/mounts/3]\n"
		"   3  init  mount        bind \"/srv/data\" on \"/data\"  [/mounts/4]\n"
		"/linux/namespaces\n"
		"   4  init  loopback-up                               [/linux/namespaces/1]\n"
		"/linux/x\\x1b\n"
		"   5  init  loopback-up                               [/linux/x\\x1b]\n");
	assert_string_equal(
		dump(steps + 1, 1, PLAN_COLOURED),
		"\033[1m/mounts\033[0m\n"
		"\033[2m   1\033[0m  \033[36minit\033[0m  mount  bind \"/srv/data\" on \"/data\""
		"\033[2m  [/mounts/3]\033[0m\n");
}

static void long_operands_are_cut(void **state)
{
	static char text[20000];
	const struct step step = { .op = OP_SET_HOSTNAME, .place = "", .text = text };

	(void) state;
	for (size_t i = 0; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);

	const char *line = dump(&step, 1, PLAN_TEXT);
	size_t length = strlen(line);
	assert_true(length >= 8000 && length <= 8400);
	assert_string_equal(line + length - 6, "\xc3\xa4...\n");
}

static void out_keeps_text_of_any_length(void **state)
{
	static char text[3 * OUT_SIZE];
	struct out out = { .fd = 1 };

	(void) state;
	memset(text, 'x', sizeof(text) - 1);
	capture_begin();
	out_text(&out, "begin ");
	out_printf(&out, "%s %d", text, 7);
	out_text(&out, text);
	out_padded(&out, "a", 3);
	out_text(&out, "end");
	assert_int_equal(out_flush(&out), 0);

	const char *written = capture_end();
	assert_int_equal(strlen(written), 6 + 2 * strlen(text) + 2 + 3 + 3);
	assert_string_equal(written + strlen(written) - 7, "xa  end");
}

static void out_tells_that_a_write_was_refused(void **state)
{
	struct out out = { .fd = sys_open("/dev/full", O_WRONLY) };

	(void) state;
	out_text(&out, "x");
	assert_int_equal(out_flush(&out), -ENOSPC);
	out_text(&out, "y");
	assert_int_equal(out_flush(&out), -ENOSPC);
	sys_close(out.fd);
}

static void json_text_is_escaped(void **state)
{
	struct out out = { .fd = 1 };
	struct arena a;
	static const char plain[] =
		"\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa4\xc2\x85\xe2\x80\xae\xe2\x80\xa7";
	static const char quoted[] = "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\xc3\xa4"
				     "\\u0085\\u202e\xe2\x80\xa7\"";

	(void) state;
	arena_open(&a);
	assert_string_equal(json_quote(&a, plain), quoted);
	assert_string_equal(json_quote(&a, ""), "\"\"");
	capture_begin();
	out_json_string(&out, plain);
	out_flush(&out);
	assert_string_equal(capture_end(), quoted);
}

/* A bundle's path may have them; who reads the state (a hook, an engine) gets JSON all the same. */
static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	static const struct {
		const char *plain, *quoted;
	} cases[] = {
		{ "\xff", "\"\\ufffd\"" },
		{ "/b\xe4r", "\"/b\\ufffdr\"" },
		{ "\xc3\xa4\xc3", "\"\xc3\xa4\\ufffd\"" },
		{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80x", "\"\\ufffd\\ufffd\\ufffd\\ufffdx\"" },
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
	};
	struct arena a;

	(void) state;
	arena_open(&a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(json_quote(&a, cases[i].plain), cases[i].quoted);
	arena_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_a_name_of_its_own),
		cmocka_unit_test(the_host_does_what_needs_the_host),
		cmocka_unit_test(operands_are_told_in_one_line),
		cmocka_unit_test(a_plan_is_printed_in_columns),
		cmocka_unit_test(a_terminal_has_a_line_for_each_part),
		cmocka_unit_test(a_plan_is_printed_as_json),
		cmocka_unit_test(long_operands_are_cut),
		cmocka_unit_test(out_keeps_text_of_any_length),
		cmocka_unit_test(out_tells_that_a_write_was_refused),
		cmocka_unit_test(json_text_is_escaped),
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
