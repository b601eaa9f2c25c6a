/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/journal_test.c - state/journal.c: which process an undo ends
 */
#include "state_harness.h"

#include "state/journal.h"

#include "base/err.h"
#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t make_child(uint64_t *start_time)
{
	struct proc_stat stat;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	assert_int_equal(proc_stat_read(pid, &stat), 0);
	*start_time = stat.start_time;

	return pid;
}

static void undo(unsigned long long pid, uint64_t start_time)
{
	struct err e = { 0 };
	struct arena a;
	char line[80];
	size_t length = fmt_text(line, sizeof(line), "process %llu %llu\n", pid,
				 (unsigned long long) start_time);
	autoclose int file =
		sys_open_at(directory, STATE_JOURNAL, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(file >= 0);
	assert_int_equal(sys_write_all(file, line, length), 0);
	arena_open(&a);
	if (journal_undo(directory, NULL, false, &a, &e) < 0)
		fail_msg("%s", e.text);
	arena_close(&a);
}

static bool is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void only_the_process_of_number_and_start_time_is_ended(void **state)
{
	uint64_t start_time;
	pid_t pid = make_child(&start_time);

	(void) state;
	undo((unsigned long long) pid, start_time + 1);
	assert_true(is_alive(pid));
	/* In 32 bits it would be the child's number. */
	undo(4294967296ULL + (unsigned long long) pid, start_time);
	assert_true(is_alive(pid));
	undo((unsigned long long) pid, start_time);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_process_of_number_and_start_time_is_ended),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
