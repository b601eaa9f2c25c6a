/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/arch/probe.c - is src/kernel/arch/ of this processor right?
 *
 * Exits 0 if system calls take six arguments and give -errno, and if a child of
 * arch_clone_call() runs on its own stack in our memory and ends with its function's result, by
 * clone3(2) and by clone(2). With an argument it runs in an emulator: these have no clone3(2), and
 * their children no memory of ours but what is mapped to be common.
 */
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/sys.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static int seen, *common;

static int child(void *arg)
{
	*common = seen = *(int *) arg;

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

static int check_child(pid_t pid, bool shares, const char *call)
{
	int status = 0;

	if (pid > 0)
		sys_wait(pid, &status, 0);

	int failed = check(pid > 0, "there is no child") |
		     check(status == 37 << 8, "the child's result is not its exit status") |
		     check(*common == 1234, "the child did not get its argument") |
		     check(!shares || seen == 1234, "the child did not write into our memory");

	if (failed)
		fprintf(stderr, "by %s\n", call);
	seen = *common = 0;

	return failed;
}

static int check_clone(bool emulated)
{
	static char stack[16384] __attribute__((aligned(16)));
	const struct sys_clone clone = { .cgroup = -1, .share_memory = true };
	int value = 1234, pidfd = -1;
	pid_t pid = sys_clone_call(&clone, emulated ? NULL : &pidfd, child, &value);
	int failed = check_child(pid, !emulated, "clone3") |
		     check(emulated || pidfd >= 0, "no pidfd came");

	pid = (pid_t) arch_clone_call(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD,
				      (long) (stack + sizeof(stack)), child, &value);

	return failed | check_child(pid, !emulated, "clone");
}

int main(int argc, char **argv)
{
	(void) argv;
	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);

	return check(common != MAP_FAILED, "mmap(2)") ||
	       check(sys_pid() > 1, "getpid(2)") |
		       check(sys_close(-1) == -EBADF, "an error is not -errno") |
		       check_six_arguments() | check_clone(argc > 1);
}
