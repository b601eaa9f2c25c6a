/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/step_advice_test.c - host/advice.c: each refusal has its hint
 *
 * What takes a process or a cgroup is tried for real in tests/integration/test_words.py.
 */
#include "base/table.h"
#include "host/advice.h"
#include "host/create/create.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct err e;

static const char *hint_in(const struct plan *plan, const struct step *s, int code)
{
	const struct create c = { .plan = plan };

	err_sys(&e, -code, "step");
	assert_int_equal(step_advise(&c, s, &e), -1);

	return e.hint;
}

static const char *hint(enum step_op op, int code)
{
	static const struct plan plan;
	const struct step s = { .op = op, .place = "/x" };

	return hint_in(&plan, &s, code);
}

static void each_of_these_has_its_hint(void **state)
{
	static const struct {
		enum step_op op;
		int code;
		const char *words;
	} cases[] = {
		{ OP_CLAIM_ID, ENOSPC, "file system of the state is full" },
		{ OP_SPAWN, EAGAIN, "RLIMIT_NPROC" },
		{ OP_SPAWN, ENOSPC, "max_*_namespaces" },
		{ OP_JOIN_NAMESPACE, EPERM, "CAP_SYS_ADMIN" },
		{ OP_JOIN_NAMESPACE, ENOENT, "its process has ended" },
		{ OP_NEW_KEYRING, EDQUOT, "keys/maxkeys" },
		{ OP_SET_SYSCTL, EINVAL, "no such value" },
		{ OP_SET_SYSCTL, EROFS, "read-only" },
		{ OP_SET_HOSTNAME, EINVAL, "64 bytes" },
		{ OP_MOUNT, ENODEV, "/proc/filesystems" },
		{ OP_MOUNT, ENOTBLK, "block device" },
		{ OP_MOUNT, ENOSPC, "mount-max" },
		{ OP_MOUNT, EMFILE, "RLIMIT_NOFILE" },
		{ OP_PIVOT_ROOT, EINVAL, "--no-pivot" },
		{ OP_OPEN_CONSOLE, ENOSPC, "pty/max" },
		{ OP_SET_MEMORY_POLICY, EINVAL, "nodes" },
		{ OP_SET_USER, EPERM, "CAP_SETUID" },
		{ OP_SET_CAPS, EPERM, "CapPrm" },
		{ OP_SET_SECCOMP, EACCES, "noNewPrivileges" },
		{ OP_SET_SECCOMP, ENOMEM, "32768" },
		{ OP_EXEC, ENFILE, "file-max" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strstr(hint(cases[i].op, cases[i].code), cases[i].words))
			fail_msg("step %d, errno %d: \"%s\"", cases[i].op, cases[i].code, e.hint);
}

static void what_nobody_can_help_has_none(void **state)
{
	(void) state;
	assert_string_equal(hint(OP_MOUNT, EIO), "");
	assert_string_equal(hint(OP_EXEC, ENOENT), "");
	assert_string_equal(hint(OP_SET_USER, EINVAL), ""); /* no map can be read */
}

static void a_hint_that_is_there_stays(void **state)
{
	const struct create c = { .plan = NULL };
	const struct step s = { .op = OP_SPAWN };

	(void) state;
	err_sys(&e, -EAGAIN, "step");
	err_hint(&e, "first");
	step_advise(&c, &s, &e);
	assert_string_equal(e.hint, "first");
}

/* The place of the limit, and not of the step that was short of memory. */
static void a_lack_of_memory_names_the_limit(void **state)
{
	const struct step steps[] = {
		{ .op = OP_WRITE_CGROUP,
		  .place = "/linux/resources/pids/limit",
		  .cgroup_file = { .file = "pids.max", .value = "5" } },
		{ .op = OP_WRITE_CGROUP,
		  .place = "/linux/resources/memory/limit",
		  .cgroup_file = { .file = "memory.max", .value = "4096" } },
	};
	const struct plan limited = { .steps = steps, .step_count = 2 };
	const struct plan unlimited = { .steps = steps, .step_count = 1 };
	const struct step spawn = { .op = OP_SPAWN, .place = "/linux/namespaces" };

	(void) state;
	assert_non_null(strstr(hint_in(&limited, &spawn, ENOMEM), "limit of 4096 bytes"));
	assert_string_equal(e.place, "/linux/resources/memory/limit");
	assert_non_null(strstr(hint_in(&unlimited, &spawn, ENOMEM), "was memory short"));
	assert_string_equal(e.place, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_these_has_its_hint),
		cmocka_unit_test(what_nobody_can_help_has_none),
		cmocka_unit_test(a_hint_that_is_there_stays),
		cmocka_unit_test(a_lack_of_memory_names_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
