/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/arch/probe.c - is src/kernel/arch/ of this processor right?
 *
 * Exits 0 if system calls take six arguments, wide numbers and give -errno, and if a child of
 * arch_clone_call() runs on its own stack in our memory and ends with its function's result, by
 * clone3(2) and by clone(2). With an argument it runs in an emulator: these have no clone3(2), and
 * their children no memory of ours but what is mapped to be common.
 */
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "kernel/time.h"

#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

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
	sys_seek(file, 65536, SEEK_SET);
	sys_write(file, "x", 1);

	long at = arch_map(NULL, 65536, PROT_READ, MAP_PRIVATE, file, 65536);

	if (at > 0 || at < -4096)
		byte = *(const char *) at;

	return check(byte == 'x', "mmap(2) did not get its sixth argument");
}

/* Sizes, offsets and times with more than 32 bits, which may go in two registers, or in none. */
static int check_wide(void)
{
	const uint64_t far = 5000000000;
	int file = sys_memfd_create("wide");
	struct timespec now = { .tv_sec = 0 };
	struct statfs fs = { .f_bsize = 0 };
	struct stat st, by_path;
	char byte = 0;

	sys_truncate(file, far + 2);
	sys_seek(file, (off_t) far, SEEK_SET);
	sys_write(file, "y", 1);

	return check(sys_stat(file, &st) == 0 && (uint64_t) st.st_size == far + 2,
		     "a size has not 64 bits") |
	       check(sys_read_all_at(file, far, &byte, 1) == 1 && byte == 'y',
		     "an offset has not 64 bits") |
	       check((uint64_t) sys_seek(file, 0, SEEK_CUR) == far + 1, "nor has a position") |
	       check(sys_stat_at(AT_FDCWD, "/dev/null", 0, &by_path) == 0 &&
			     S_ISCHR(by_path.st_mode) && by_path.st_rdev == (1 << 8 | 3),
		     "stat(2) does not know /dev/null") |
	       check(sys_statfs(file, &fs) == 0 && fs.f_bsize == sysconf(_SC_PAGESIZE),
		     "fstatfs(2) of a tmpfs") |
	       check(sys_statfs_path("/proc", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC,
		     "statfs(2) of a procfs") |
	       check(sys_clock_realtime(&now) == 0 && now.tv_sec > 1700000000 &&
			     now.tv_nsec < 1000000000,
		     "the time") |
	       check(sys_euid() == geteuid() && sys_real_gid() == getgid(), "the ids");
}

/* setresuid(2) and setgroups(2) of ids with more than 16 bits. */
static int take_wide_ids(void *arg)
{
	const gid_t group = 100000;

	(void) arg;
	if (sys_euid() != 0)
		return 0;

	return sys_setgroups(1, &group) < 0 || sys_setgid(200000) < 0 || sys_setuid(300000) < 0 ||
	       sys_egid() != 200000 || sys_euid() != 300000;
}

static int check_ids(void)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int status = -1;
	pid_t pid = sys_clone_call(&clone, NULL, take_wide_ids, NULL);

	sys_wait(pid, &status, 0);

	return check(status == 0, "ids have not 32 bits");
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
		       check_six_arguments() | check_wide() | check_ids() | check_clone(argc > 1);
}
