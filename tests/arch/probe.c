/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/arch/probe.c - is src/kernel/arch/ of this processor right?
 *
 * Exits 0 if system calls take six arguments and give -errno, and if a child of
 * arch_clone_call() runs on its own stack in our memory and ends with its function's result.
 */
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/sys.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static int seen;

static int child(void *arg)
{
	seen = *(int *) arg;

	return 37;
}

static int check(bool good, const char *what)
{
	if (!good)
		fprintf(stderr, "%s\n", what);

	return good ? 0 : 1;
}

/* mmap(2) has six arguments: the last one, an offset, tells whether it arrived. */
static int check_six_arguments(void)
{
	int file = sys_memfd_create("probe");
	char byte = 0;

	sys_truncate(file, 3 * 65536);
	SYS_CALL(pwrite64, file, "x", 1, 65536, 0, 0);

	long at = SYS_CALL(mmap, NULL, 65536, PROT_READ, MAP_PRIVATE, file, 65536);

	if (at > 0)
		byte = *(const char *) at;

	return check(byte == 'x', "mmap(2) did not get its sixth argument");
}

/* clone3(2) is not there in every emulator: then only that it says so. */
static int check_clone(void)
{
	const struct sys_clone clone = { .cgroup = -1, .share_memory = true };
	int value = 1234, pidfd = -1, status = 0;
	pid_t pid = sys_clone_call(&clone, &pidfd, child, &value);

	if (pid == -ENOSYS) {
		puts("clone3: not in this emulator");
		return 0;
	}
	sys_wait(pid, &status, 0);

	return check(pid > 0 && pidfd >= 0, "clone3(2) failed") |
	       check(status == 37 << 8, "the child's result is not its exit status") |
	       check(seen == 1234, "the child did not write into our memory");
}

int main(void)
{
	return check(sys_pid() > 1, "getpid(2)") |
	       check(sys_close(-1) == -EBADF, "an error is not -errno") | check_six_arguments() |
	       check_clone();
}
