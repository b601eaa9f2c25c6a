/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/helper_test.c - running a helper program to its end, or to the end of its time
 */
#include "kernel/helper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The shell reads its commands from standard input, as a helper reads what it is asked. */
static int run(const char *commands, int timeout_ms, char *said, size_t size, int *status)
{
	int input[2];
	struct helper_call call = {
		.path = "/bin/sh", .name = "sh", .interrupt = -1, .timeout_ms = timeout_ms
	};

	assert_int_equal(pipe(input), 0);
	assert_int_equal(write(input[1], commands, strlen(commands)), strlen(commands));
	close(input[1]);
	call.input = input[0];

	int r = helper_run(&call, said, size, status);
	close(input[0]);
	/* Nothing of it is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);

	return r;
}

static void what_it_says_and_how_it_ends(void **state)
{
	char said[16];
	int status;

	(void) state;
	assert_int_equal(run("echo yes; echo no >&2; exit 3", 60000, said, sizeof(said), &status),
			 0);
	assert_string_equal(said, "yes\nno\n");
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	assert_int_equal(
		run("echo 0123456789abcdef; kill -9 $$", 60000, said, sizeof(said), &status), 0);
	assert_string_equal(said, "0123456789abcde");
	assert_true(WIFSIGNALED(status));
}

static void one_that_does_not_end_is_killed(void **state)
{
	char said[16];
	int status;

	(void) state;
	assert_int_equal(run("echo a; read x; exec sleep 1000", 200, said, sizeof(said), &status),
			 -ETIMEDOUT);
	assert_true(WIFSIGNALED(status));
	/* With its output closed it had been waited for without limit. */
	assert_int_equal(run("exec >&- 2>&-; exec sleep 1000", 200, said, sizeof(said), &status),
			 -ETIMEDOUT);
	assert_true(WIFSIGNALED(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_and_how_it_ends),
		cmocka_unit_test(one_that_does_not_end_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
