/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/descriptors_test.c - all descriptors from one on, where there is no close_range(2)
 */
#include "kernel/sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 40

/* Some are behind a gap, one is above what the limit will be, and the last are O_PATH, which poll(2) doesn't know. */
static const int open_ones[] = { 38, 39, 40, 41, 300, 999, 60, 500 };
#define FIRST_PATH 6

static int wrong(void)
{
	for (unsigned i = 0; i < sizeof(open_ones) / sizeof(open_ones[0]); i++)
		if (fcntl(open_ones[i], F_GETFD) != (open_ones[i] < FIRST ? 0 : FD_CLOEXEC))
			return open_ones[i];

	return 0;
}

/* In a process where close_range(2) answers @answer; the descriptor that is not as it should be. */
static int tried(int answer, rlim_t limit, bool without_procfs)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit fds = { 1024, 1024 };
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
		int path = open("/", O_PATH);

		setrlimit(RLIMIT_NOFILE, &fds);
		for (unsigned i = 0; i < sizeof(open_ones) / sizeof(open_ones[0]); i++)
			if (dup2(i < FIRST_PATH ? 0 : path, open_ones[i]) < 0)
				_exit(255);
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t) answer),
				     SCMP_SYS(close_range), 0) < 0)
			_exit(254);
		/* The listing is the only one that opens and reads a directory. */
		if (without_procfs &&
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EIO), SCMP_SYS(getdents64), 0) < 0)
			_exit(254);
		if (seccomp_load(filter) < 0)
			_exit(254);
		fds.rlim_cur = limit;
		setrlimit(RLIMIT_NOFILE, &fds);
		if (sys_cloexec_from(FIRST) != 0)
			_exit(253);
		_exit(wrong() % 251);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));

	return WEXITSTATUS(status);
}

static void without_close_range(void **state)
{
	static const int answers[] = { ENOSYS, EPERM };
	static const rlim_t limits[] = { 1024, 50, 1, 0 };

	(void) state;
	for (unsigned a = 0; a < 2; a++)
		for (unsigned l = 0; l < 4; l++)
			for (int without = 0; without < 2; without++)
				assert_int_equal(tried(answers[a], limits[l], without), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_close_range),
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
