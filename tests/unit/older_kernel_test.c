/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/older_kernel_test.c - what kernel/ does without younger system calls comes out the same
 */
#include <sys/mount.h> /* before our own, which stand in for it */

#include "base/fmt.h"
#include "kernel/memory.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "skip.h"

static const int answers[] = { ENOSYS, EPERM };

/* From now on this process has none of @calls. */
static void do_without(int answer, const int *calls, size_t count)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t) answer), calls[i], 0) < 0)
			_exit(254);
	if (seccomp_load(filter) < 0)
		_exit(253);
}

/* ---- what only a part of a call tells ---- */

/* The bits of a call's argument that an older kernel did not know, and passed over. */
struct unknown {
	int call;
	unsigned argument;
	uint64_t bits;
};

static const struct unknown mount_ids = { SCMP_SYS(statx), 3, 0x1000 }; /* STATX_MNT_ID, 5.8 */
static const struct unknown no_replace = { SCMP_SYS(mmap), 3, MAP_FIXED_NOREPLACE }; /* 4.17 */
static const struct unknown no_links = { SCMP_SYS(mount), 3, 256 }; /* MS_NOSYMFOLLOW, 5.10 */
static struct unknown passed_over;
static volatile int times_passed_over;

#if defined(__x86_64__)
#define ARGUMENTS                                                                                  \
	{                                                                                          \
		REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9                                 \
	}
#define REGISTER(c, n) ((c)->uc_mcontext.gregs[n])
#define RESULT	       REG_RAX
#elif defined(__aarch64__)
#define ARGUMENTS                                                                                  \
	{                                                                                          \
		0, 1, 2, 3, 4, 5                                                                   \
	}
#define REGISTER(c, n) ((c)->uc_mcontext.regs[n])
#define RESULT	       0
#endif

/* The call as it was made, but for these bits. */
static void make_without(int signal, siginfo_t *info, void *context)
{
	static const int arguments[] = ARGUMENTS;
	ucontext_t *c = context;
	long a[6];

	(void) signal;
	for (size_t i = 0; i < 6; i++)
		a[i] = (long) REGISTER(c, arguments[i]);
	a[passed_over.argument] &= (long) ~passed_over.bits;

	long r = arch_syscall(info->si_syscall, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (passed_over.call == SCMP_SYS(statx) && r == 0) {
		struct statx *st = (struct statx *) a[4];

		st->stx_mask &= (unsigned) ~passed_over.bits;
		st->stx_mnt_id = 0;
	}
	times_passed_over++;
	REGISTER(c, RESULT) = r;
}

static void pass_over(const struct unknown *u)
{
	const struct sigaction action = { .sa_sigaction = make_without, .sa_flags = SA_SIGINFO };
	const struct scmp_arg_cmp has = { u->argument, SCMP_CMP_MASKED_EQ, u->bits, u->bits };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	passed_over = *u;
	if (sigaction(SIGSYS, &action, NULL) < 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_TRAP, u->call, 1, has) < 0 ||
	    seccomp_load(filter) < 0)
		_exit(251);
}

static int exit_of(pid_t pid)
{
	int status = 0;

	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define NO_PRIVILEGE 77

/* Of a child that needed a mount namespace of its own. */
static void expect_success(pid_t pid)
{
	int r = exit_of(pid);

	if (r == NO_PRIVILEGE)
		skip_as("no privilege for a mount namespace");
	assert_int_equal(r, 0);
}

/* ---- look-ups ---- */

struct found {
	int result; /* 0, or -errno */
	dev_t device;
	ino_t inode;
	mode_t mode;
};

static const int flags[] = {
	O_PATH,	  O_PATH | O_NOFOLLOW,	 O_PATH | O_DIRECTORY,	 O_PATH | O_DIRECTORY | O_NOFOLLOW,
	O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY,
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

static struct found look_up(int root, const char *path, int how)
{
	struct found found = { .result = 0 };
	struct stat st;
	int fd = sys_open_in_root(root, path, how);

	if (fd < 0) {
		found.result = fd;
		return found;
	}
	if (fstat(fd, &st) < 0)
		_exit(252);
	close(fd);
	found.device = st.st_dev;
	found.inode = st.st_ino;
	found.mode = st.st_mode;

	return found;
}

static void make_tree(const char *top)
{
	static const char *const directories[] = { "d", "d/e", "d/e/g", "out" };
	static const char *const links[][2] = {
		{ "/d/e", "abs" },
		{ "../../../d", "d/up" },
		{ "../out", "d/e/side" },
		{ "loop", "loop" },
		{ "missing", "dangling" },
		{ "d/f", "file" },
		{ "/../../../etc", "away" },
		{ "d/e/../..", "d/round" },
		{ ".", "dot" },
		{ "abs/g/", "slash" },
		{ "/", "root" },
	};

	assert_int_equal(chdir(top), 0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		assert_int_equal(mkdir(directories[i], 0755), 0);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		assert_int_equal(symlink(links[i][0], links[i][1]), 0);
	assert_int_equal(close(open("d/f", O_CREAT | O_WRONLY, 0644)), 0);
	assert_int_equal(chdir("/"), 0);
}

/* Any walk through the tree, mostly ones that come to something. */
static void random_path(char path[256])
{
	static const char *const parts[] = {
		"d",	"e",	"g",	 "f",	"out",	 "abs",	 "up",	 "side", "loop", "dangling",
		"file", "away", "round", "dot", "slash", "root", "none", "..",	 ".",	 "",
	};
	int count = 1 + rand() % 6;

	path[0] = '\0';
	for (int i = 0; i < count; i++) {
		strcat(path, rand() % 3 || i ? "/" : "");
		strcat(path, parts[(size_t) rand() % (sizeof(parts) / sizeof(parts[0]))]);
	}
	strcat(path, rand() % 5 ? "" : "/");
}

#define PATHS 3000

static void compare_look_ups(int root, void (*next)(char path[256]), int answer, size_t count,
			     int same_files)
{
	static const int calls[] = { SCMP_SYS(openat2) };
	int ends[2];
	char path[256];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	srand(1);
	if (pid == 0) {
		do_without(answer, calls, 1);
		for (size_t i = 0; i < count; i++) {
			next(path);
			for (size_t f = 0; f < FLAGS; f++) {
				struct found found = look_up(root, path, flags[f]);

				if (write(ends[1], &found, sizeof(found)) != sizeof(found))
					_exit(1);
			}
		}
		_exit(0);
	}
	close(ends[1]);
	for (size_t i = 0; i < count; i++) {
		next(path);
		for (size_t f = 0; f < FLAGS; f++) {
			struct found ours, kernels = look_up(root, path, flags[f]);

			assert_int_equal(read(ends[0], &ours, sizeof(ours)), sizeof(ours));
			if (ours.result != kernels.result || ours.mode != kernels.mode ||
			    (same_files &&
			     (ours.device != kernels.device || ours.inode != kernels.inode)))
				fail_msg("\"%s\", flags %#x: %d (%o), the kernel: %d (%o)", path,
					 (unsigned) flags[f], ours.result, ours.mode,
					 kernels.result, kernels.mode);
		}
	}
	close(ends[0]);
	assert_int_equal(exit_of(pid), 0);
}

static void paths_lead_where_openat2_leads(void **state)
{
	char top[] = "/tmp/tare-unit-XXXXXX", remove[64];

	(void) state;
	assert_non_null(mkdtemp(top));
	make_tree(top);

	int root = open(top, O_PATH | O_DIRECTORY);
	for (size_t a = 0; a < 2; a++)
		compare_look_ups(root, random_path, answers[a], PATHS, 1);
	close(root);
	snprintf(remove, sizeof(remove), "rm -r %s", top);
	assert_int_equal(system(remove), 0);
}

/* Swaps a directory and a link that leads out, and moves a directory out, as fast as it can. */
static void __attribute__((noreturn)) swap_for_ever(const char *top)
{
	if (chdir(top) < 0)
		_exit(1);
	for (;;) {
		SYS_CALL(renameat2, AT_FDCWD, "in/d", AT_FDCWD, "in/link", 2,
			 0); /* RENAME_EXCHANGE */
		SYS_CALL(renameat2, AT_FDCWD, "in/d/e", AT_FDCWD, "e", 0, 0);
		SYS_CALL(renameat2, AT_FDCWD, "e", AT_FDCWD, "in/d/e", 0, 0);
	}
}

/* What was found, in a process without openat2(2): 1 for what is outside, 0 never that. */
static int look_up_for_a_while(int root, ino_t outside)
{
	static const char *const paths[] = { "d/f", "d/e/../f", "link/e/../../f",
					     "d/e/../../../f" };
	static const int calls[] = { SCMP_SYS(openat2) };
	int found = 0;

	do_without(ENOSYS, calls, 1);
	for (int i = 0; i < 20000; i++) {
		struct found f = look_up(root, paths[i % 4], i % 8 < 4 ? O_PATH : O_RDONLY);

		if (f.result == 0 && f.inode == outside)
			return 1;
		found += f.result == 0;
	}

	return found > 0 ? 0 : 2;
}

static void nobody_leads_a_walk_out_by_moving_directories(void **state)
{
	char top[] = "/tmp/tare-unit-XXXXXX", remove[64];
	struct stat st;
	int status = 0;

	(void) state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("in", 0755) | mkdir("in/d", 0755) | mkdir("in/d/e", 0755), 0);
	assert_int_equal(symlink("../..", "in/link"), 0);
	for (size_t i = 0; i < 3; i++) {
		const char *const files[] = { "f", "in/f", "in/d/f" };

		assert_int_equal(close(open(files[i], O_CREAT | O_WRONLY, 0644)), 0);
	}
	assert_int_equal(stat("f", &st), 0);

	int root = open("in", O_PATH | O_DIRECTORY);
	assert_int_equal(chdir("/"), 0);
	pid_t swapper = fork();
	if (swapper == 0)
		swap_for_ever(top);
	pid_t walker = fork();
	if (walker == 0)
		_exit(look_up_for_a_while(root, st.st_ino));
	int r = exit_of(walker);
	kill(swapper, SIGKILL);
	waitpid(swapper, &status, 0);
	close(root);
	snprintf(remove, sizeof(remove), "rm -r %s", top);
	assert_int_equal(system(remove), 0);
	assert_int_equal(r, 0);
}

static void proc_path(char path[256])
{
	static const char *const paths[] = {
		"self",	       "self/stat",    "/self/fd/0", "self/fd/0/x",
		"self/cwd",    "self/cwd/etc", "self/root",  "self/root/etc",
		"mounts",      "net/dev",      "self/exe",   "thread-self/stat",
		"self/ns/net", "self/../1",    "self/task",  "self/net/dev",
	};
	static size_t at;

	strcpy(path, paths[at++ % (sizeof(paths) / sizeof(paths[0]))]);
}

/* Only what it is: the two are different processes. */
static void magic_links_lead_nowhere(void **state)
{
	(void) state;
	int proc = open("/proc", O_PATH | O_DIRECTORY);
	for (size_t a = 0; a < 2; a++)
		compare_look_ups(proc, proc_path, answers[a], 16, 0);
	close(proc);
}

/* A mount over a file of procfs is not crossed, and links are not followed. */
static int open_covered_files(void)
{
	struct statfs fs;
	char path[64];

	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return NO_PRIVILEGE;

	int proc = open("/proc", O_PATH | O_DIRECTORY);
	fmt_text(path, sizeof(path), "/proc/%d/comm", getpid());
	if (sys_mount("/dev/null", path, NULL, MS_BIND, NULL) < 0)
		return NO_PRIVILEGE;
	if (sys_open_proc(proc, path + strlen("/proc/"), O_RDONLY) != -EXDEV)
		return 1;
	if (sys_open_proc(proc, "self/stat", O_RDONLY) >= 0)
		return 2;
	fmt_text(path, sizeof(path), "%d/stat", getpid());
	int fd = sys_open_proc(proc, path, O_RDONLY);
	if (fd < 0 || sys_statfs(fd, &fs) < 0)
		return 3;
	if (sys_open_proc(proc, "../etc/passwd", O_RDONLY) >= 0)
		return 4;

	return 0;
}

static void what_is_mounted_over_a_file_of_procfs_is_not_taken_for_it(void **state)
{
	static const int calls[] = { SCMP_SYS(openat2), SCMP_SYS(statx) };

	(void) state;
	for (size_t without = 0; without <= 2; without++) {
		pid_t pid = fork();

		if (pid == 0) {
			do_without(ENOSYS, calls, without);
			_exit(open_covered_files());
		}
		expect_success(pid);
	}
}

/* As in Linux before 3.15: no descriptor tells which mount it is of. */
static int open_what_cannot_be_told_apart(void)
{
	static const int calls[] = { SCMP_SYS(openat2), SCMP_SYS(statx) };
	char path[64];

	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return NO_PRIVILEGE;

	int proc = open("/proc", O_PATH | O_DIRECTORY);
	fmt_text(path, sizeof(path), "/proc/%d/fdinfo", getpid());
	if (sys_mount("none", path, "tmpfs", 0, NULL) < 0)
		return NO_PRIVILEGE;
	do_without(ENOSYS, calls, 2);
	if (sys_mount_id(proc) >= 0)
		return 1;
	fmt_text(path, sizeof(path), "%d/comm", getpid());

	return sys_open_proc(proc, path, O_RDONLY) >= 0 ? 2 : 0;
}

static void what_may_be_covered_is_not_opened_in_procfs(void **state)
{
	(void) state;
	pid_t pid = fork();

	if (pid == 0)
		_exit(open_what_cannot_be_told_apart());
	expect_success(pid);
}

/* Linux 4.11 to 5.7 have the call, and leave this bit of the answer out. */
static void a_mount_is_told_by_procfs_where_statx_does_not_tell_it(void **state)
{
	int root = open("/", O_PATH | O_DIRECTORY);
	int64_t id = sys_mount_id(root);

	(void) state;
	assert_true(id > 0);
	pid_t pid = fork();
	if (pid == 0) {
		pass_over(&mount_ids);
		_exit(sys_mount_id(root) != id || times_passed_over != 1);
	}
	close(root);
	assert_int_equal(exit_of(pid), 0);
}

/* mount(2) passes over flags that it does not know: so what is in force is looked at. */
static int set_no_links(void)
{
	static const int calls[] = { SCMP_SYS(mount_setattr) };
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSYMFOLLOW };
	struct mount_attr others = { .attr_set = MOUNT_ATTR_NODEV };

	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    sys_mount("none", "/mnt", "tmpfs", 0, NULL) < 0)
		return NO_PRIVILEGE;

	int mount = open("/mnt", O_PATH | O_DIRECTORY);
	do_without(ENOSYS, calls, 1);
	if (sys_set_mount_attr(mount, 0, &attr) != 0)
		return 1;
	others.attr_clr = MOUNT_ATTR_NOSYMFOLLOW;
	if (sys_set_mount_attr(mount, 0, &others) != 0)
		return 2;
	pass_over(&no_links);
	if (sys_set_mount_attr(mount, 0, &attr) != -EOPNOTSUPP || times_passed_over != 1)
		return 3;
	others.attr_clr = 0;

	return sys_set_mount_attr(mount, 0, &others) != 0 ? 4 : 0;
}

static void a_mount_attribute_that_is_not_in_force_is_an_error(void **state)
{
	(void) state;
	pid_t pid = fork();

	if (pid == 0)
		_exit(set_no_links());
	expect_success(pid);
}

/* ---- processes ---- */

static const int pidfds[] = { SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal), SCMP_SYS(clone3) };

static int __attribute__((noreturn)) sleep_for_ever(void *arg)
{
	(void) arg;
	for (;;)
		pause();
}

static int follow_a_process(void)
{
	const struct sys_clone clone = { .cgroup = -1 };
	struct proc_stat stat;
	int fd = -1, status;
	pid_t pid = sys_clone_call(&clone, &fd, sleep_for_ever, NULL);

	if (pid < 0 || fd < 0 || sys_pidfd_is_real(fd))
		return 1;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (sys_pidfd_poll(&p, 1, 10) != 0 || sys_pidfd_signal(fd, 0) != 0)
		return 2;
	if (sys_child_poll(pid, &p, 1, 10) != 0)
		return 3;
	p.fd = fd;
	if (proc_stat_read(pid, &stat) < 0 || proc_open_exactly(pid, stat.start_time + 1) != -ESRCH)
		return 4;
	int exactly = proc_open_exactly(pid, stat.start_time);
	if (exactly < 0 || sys_pidfd_signal(exactly, SIGKILL) != 0)
		return 5;
	if (sys_pidfd_poll(&p, 1, 10000) != 1 || p.revents != POLLIN)
		return 6;
	/* A zombie still has its number. */
	if (sys_pidfd_signal(fd, SIGKILL) != -ESRCH ||
	    proc_open_exactly(pid, stat.start_time) != -ESRCH)
		return 7;
	struct pollfd child = { .fd = -1, .events = POLLIN };
	if (sys_child_poll(pid, &child, 1, 10000) != 1)
		return 8;
	if (sys_wait(pid, &status, 0) != pid || status != SIGKILL)
		return 9;
	if (sys_pidfd_signal(fd, SIGKILL) != -ESRCH || sys_pidfd_open(pid) != -ESRCH)
		return 10;

	return 0;
}

static void a_process_is_followed_without_pidfds(void **state)
{
	(void) state;
	for (size_t a = 0; a < 2; a++) {
		pid_t pid = fork();

		if (pid == 0) {
			do_without(answers[a], pidfds, 3);
			_exit(follow_a_process());
		}
		assert_int_equal(exit_of(pid), 0);
	}
}

static int signal_a_pidfd(void)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int fd = -1, status;
	pid_t pid = sys_clone_call(&clone, &fd, sleep_for_ever, NULL);

	if (pid < 0 || fd < 0 || !sys_pidfd_is_real(fd))
		return 1;
	if (sys_pidfd_signal(fd, 0) != 0 || sys_pidfd_signal(fd, SIGKILL) != 0)
		return 2;
	if (sys_wait(pid, &status, 0) != pid || status != SIGKILL)
		return 3;

	return sys_pidfd_signal(fd, 0) != -ESRCH ? 4 : 0;
}

/* A filter may allow pidfd_open(2) and refuse the call that is two versions older. */
static void a_pidfd_is_signalled_without_pidfd_send_signal(void **state)
{
	static const int call[] = { SCMP_SYS(pidfd_send_signal) };

	(void) state;
	for (size_t a = 0; a < 2; a++) {
		pid_t pid = fork();

		if (pid == 0) {
			do_without(answers[a], call, 1);
			_exit(signal_a_pidfd());
		}
		assert_int_equal(exit_of(pid), 0);
	}
}

static int count(void *arg)
{
	(*(int *) arg)++;

	return 7;
}

/* In our memory, on a stack of its own. */
static void a_child_shares_memory_without_clone3(void **state)
{
	(void) state;
	for (size_t a = 0; a < 2; a++) {
		pid_t pid = fork();

		if (pid == 0) {
			const struct sys_clone clone = { .cgroup = -1, .share_memory = true };
			int calls = 0, status = 0;

			do_without(answers[a], pidfds, 3);
			pid_t child = sys_clone_call(&clone, NULL, count, &calls);
			_exit(child <= 0 || sys_wait(child, &status, 0) != child ||
			      WEXITSTATUS(status) != 7 || calls != 1);
		}
		assert_int_equal(exit_of(pid), 0);
	}
}

static void without_clone3_nobody_is_born_in_a_cgroup(void **state)
{
	(void) state;
	for (size_t a = 0; a < 2; a++) {
		pid_t pid = fork();

		if (pid == 0) {
			const struct sys_clone clone = { .cgroup = 0 };

			do_without(answers[a], pidfds, 3);
			_exit(sys_clone_call(&clone, NULL, sleep_for_ever, NULL) != -ENOSYS);
		}
		assert_int_equal(exit_of(pid), 0);
	}
}

/* Up to Linux 6.14 that is said of a process that is dead and not yet reaped, too. */
static void what_has_no_pidfd_any_more_is_gone(void **state)
{
	static const int calls[] = { SCMP_SYS(pidfd_open) };
	struct proc_stat stat;

	(void) state;
	assert_int_equal(proc_stat_read(getpid(), &stat), 0);
	pid_t pid = fork();
	if (pid == 0) {
		do_without(EINVAL, calls, 1);
		_exit(proc_open_exactly(getppid(), stat.start_time) != -ESRCH);
	}
	assert_int_equal(exit_of(pid), 0);
}

/* ---- memory files ---- */

/* Before Linux 4.17 the address is only a wish where something is mapped already. */
static void nothing_that_is_mapped_is_mapped_over(void **state)
{
	const size_t size = 4096;
	char *taken = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int file = sys_memfd_create("map");

	(void) state;
	assert_true(taken != MAP_FAILED && file >= 0 && ftruncate(file, (off_t) size) == 0);
	strcpy(taken, "mine");
	assert_int_equal(sys_map_shared(taken, size, file), -EEXIST);
	pid_t pid = fork();
	if (pid == 0) {
		pass_over(&no_replace);
		_exit(sys_map_shared(taken, size, file) != -EEXIST || times_passed_over != 1 ||
		      strcmp(taken, "mine") != 0);
	}
	close(file);
	assert_int_equal(exit_of(pid), 0);
	munmap(taken, size);
}

static int run_a_program(void)
{
	static char image[4 << 20];
	const char *const argv[] = { "true", NULL }, *const envp[] = { NULL };
	int true_fd = open("/bin/true", O_RDONLY);
	ssize_t size = read(true_fd, image, sizeof(image));
	int fd = sys_make_program("true", image, (size_t) size);

	if (size <= 0 || fd < 0)
		return 1;
	if (write(fd, "x", 1) >= 0)
		return 2;
	sys_exec_fd(fd, argv, envp);

	return 3;
}

static void a_program_runs_without_memory_files_and_execveat(void **state)
{
	static const int calls[] = { SCMP_SYS(memfd_create), SCMP_SYS(execveat) };

	(void) state;
	for (size_t a = 0; a < 2; a++)
		for (size_t without = 0; without <= 2; without++) {
			pid_t pid = fork();

			if (pid == 0) {
				do_without(answers[a], calls, without);
				_exit(run_a_program());
			}
			assert_int_equal(exit_of(pid), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_where_openat2_leads),
		cmocka_unit_test(nobody_leads_a_walk_out_by_moving_directories),
		cmocka_unit_test(magic_links_lead_nowhere),
		cmocka_unit_test(what_is_mounted_over_a_file_of_procfs_is_not_taken_for_it),
		cmocka_unit_test(what_may_be_covered_is_not_opened_in_procfs),
		cmocka_unit_test(a_mount_is_told_by_procfs_where_statx_does_not_tell_it),
		cmocka_unit_test(a_mount_attribute_that_is_not_in_force_is_an_error),
		cmocka_unit_test(what_has_no_pidfd_any_more_is_gone),
		cmocka_unit_test(nothing_that_is_mapped_is_mapped_over),
		cmocka_unit_test(a_process_is_followed_without_pidfds),
		cmocka_unit_test(a_pidfd_is_signalled_without_pidfd_send_signal),
		cmocka_unit_test(a_child_shares_memory_without_clone3),
		cmocka_unit_test(without_clone3_nobody_is_born_in_a_cgroup),
		cmocka_unit_test(a_program_runs_without_memory_files_and_execveat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
