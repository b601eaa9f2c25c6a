/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/faults/point.c - let one system call of tare, or of its children, go wrong
 *
 *	point [-p PID] [-o CALL] [-a CALL] [-w NAME]... WHO FAULT N REPORT COMMAND...
 *
 * Traces COMMAND (a tare) and all that it starts, as long as it is our code that runs, and PID too: the tare-init of
 * an earlier create. WHO: tare, or init for the processes beside it. At the Nth of WHO's system calls, counted from
 * 1 over all its processes, the FAULT happens:
 *	kill	SIGKILL, before the call is made
 *	CODE	the call is not made and fails with this errno, a number
 * -o: of all calls only this one is counted, a number. -a: nothing is before the first of that one, by anybody.
 * -w: without files of this name, as on a kernel that has none: what looks one up hears ENOENT.
 * N 0: nowhere, just count. Ends as COMMAND does (128 + signal), and leaves whatever it started running.
 *
 * REPORT gets one line: how many calls were counted, and number and name of the process (tare, init) of the one
 * that was hit: "341 257", or "341 -" if none was; and how often a file was kept from it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PROCESSES 4096

static struct process {
	pid_t pid;
	int failing; /* its present call is not made and fails with this errno; 0 */
} processes[MAX_PROCESSES];

static pid_t command;
static bool wants_tare, is_kill, begun;
static int fault_code;
static long only = -1, after = -1; /* numbers of system calls; -1: not given */
static unsigned long target, counted, hit, hidden;
static const char *without[16];
static size_t without_count;
static unsigned long long hit_call;

static void die(const char *what)
{
	fprintf(stderr, "point: %s: %s\n", what, strerror(errno));
	exit(99);
}

static struct process *find(pid_t pid)
{
	struct process *unused = NULL;

	for (size_t i = 0; i < MAX_PROCESSES; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (processes[i].pid == 0 && !unused)
			unused = &processes[i];
	}
	if (!unused)
		die("too many processes");
	*unused = (struct process) { .pid = pid };

	return unused;
}

/* ---- not making a call ---- */

#if defined(__x86_64__)
static void skip_call(pid_t pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		return;
	regs.orig_rax = (unsigned long long) -1;
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

static void set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		return;
	regs.rax = (unsigned long long) result;
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}
#elif defined(__aarch64__)
static void skip_call(pid_t pid)
{
	int none = -1;
	struct iovec part = { &none, sizeof(none) };

	ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part);
}

static void set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec part = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) < 0)
		return;
	regs.regs[0] = (unsigned long long) result;
	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
}
#else
#error "how a call is skipped on this processor is not known"
#endif

/* ---- one stop ---- */

/* Calls that no kernel lets fail as they are made here. */
static bool is_safe(unsigned long long nr)
{
	static const unsigned long long safe[] = {
		SYS_exit_group, SYS_exit,  SYS_getpid,	       SYS_geteuid,
		SYS_getegid,	SYS_umask, SYS_rt_sigprocmask, SYS_rt_sigaction,
		SYS_munmap,	SYS_close, /* the descriptor is gone whatever it says */
	};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
		if (nr == safe[i])
			return true;

	return false;
}

static bool counts(const struct __ptrace_syscall_info *info)
{
	unsigned long long nr = info->entry.nr;

	/* What the C library does before main() is not ours: main() begins with a look at descriptors 0 to 2. */
	if (!begun && (nr != SYS_ppoll || info->entry.args[1] != 3))
		return false;
	begun = true;
	if (only >= 0 && nr != (unsigned long long) only)
		return false;

	return is_kill || !is_safe(nr);
}

/* ---- files that are not there ---- */

static bool read_path(pid_t pid, unsigned long long at, char path[4096])
{
	struct iovec here = { path, 4096 };

	/* To the end of its page at first: behind it may be nothing. */
	for (size_t got = 0; got < 4096;) {
		struct iovec there = { (void *) (uintptr_t) (at + got), 4096 - (at + got) % 4096 };

		here.iov_base = path + got;
		here.iov_len = 4096 - got;

		ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);
		if (n <= 0)
			return false;
		if (memchr(path + got, '\0', (size_t) n))
			return true;
		got += (size_t) n;
	}

	return false;
}

/* Does this call look up one of the files that we do without? */
static bool is_without(pid_t pid, const struct __ptrace_syscall_info *info)
{
	static const unsigned long long lookups[] = {
		SYS_openat, SYS_openat2, SYS_faccessat, SYS_faccessat2, SYS_newfstatat,
	};
	char path[4096];

	for (size_t i = 0; without_count > 0 && i < sizeof(lookups) / sizeof(lookups[0]); i++) {
		if (info->entry.nr != lookups[i] || !read_path(pid, info->entry.args[1], path))
			continue;

		const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
		for (size_t w = 0; w < without_count; w++)
			if (strcmp(name, without[w]) == 0)
				return true;
	}

	return false;
}

/* Before a call. */
static void at_entry(struct process *p, const struct __ptrace_syscall_info *info)
{
	if (is_without(p->pid, info)) {
		hidden++;
		p->failing = ENOENT;
		skip_call(p->pid);
		return;
	}
	if (after >= 0 && info->entry.nr == (unsigned long long) after)
		after = -1;
	if ((p->pid == command) != wants_tare || !counts(info) || after >= 0 || ++counted != target)
		return;
	hit = counted;
	hit_call = info->entry.nr;
	if (is_kill) {
		kill(p->pid, SIGKILL);
	} else {
		p->failing = fault_code;
		skip_call(p->pid);
	}
}

static void at_call(struct process *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		at_entry(p, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->failing) {
		set_result(p->pid, -(long) p->failing);
		p->failing = 0;
	}
}

/* Does it run tare, or tare-init? All else is somebody else's: a hook, the container's program. */
static bool is_ours(pid_t pid)
{
	char name[64], target_path[4096];

	snprintf(name, sizeof(name), "/proc/%d/exe", pid);

	ssize_t n = readlink(name, target_path, sizeof(target_path) - 1);
	if (n < 0)
		return false;
	target_path[n] = '\0';

	return pid == command || strstr(target_path, "memfd:tare-init");
}

static void at_stop(struct process *p, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == (SIGTRAP | 0x80)) {
		at_call(p);
		signal = 0;
	} else if ((event == PTRACE_EVENT_EXEC && !is_ours(p->pid)) || signal == SIGILL) {
		/* The trap of one that has no call left: it does not end a pid 1 that is traced. */
		ptrace(PTRACE_DETACH, p->pid, 0, event ? 0 : signal);
		p->pid = 0;
		return;
	} else if (event !=
		   0) { /* a stop of the whole group is not waited for: nothing here stops itself */
		signal = 0;
	}
	ptrace(PTRACE_SYSCALL, p->pid, 0, signal);
}

/* ---- all of it ---- */

static void trace(pid_t pid)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
		       PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;

	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0)
		die("PTRACE_SEIZE");
	find(pid);
}

static void start(char **argv)
{
	command = fork();
	if (command < 0)
		die("fork");
	if (command == 0) {
		raise(SIGSTOP);
		execv(argv[0], argv);
		die(argv[0]);
	}
	waitpid(command, NULL, WUNTRACED);
	trace(command);
	kill(command, SIGCONT);
}

/* Until the command has ended: its status. */
static int watch(void)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			die("waitpid");
		if (pid < 0)
			continue;

		struct process *p = find(pid);

		if (WIFSTOPPED(status)) {
			at_stop(p, status);
			continue;
		}
		p->pid = 0;
		if (pid == command)
			return status;
	}
}

static void report(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die(path);
	if (hit)
		fprintf(f, "%lu %llu %lu\n", counted, hit_call, hidden);
	else
		fprintf(f, "%lu - %lu\n", counted, hidden);
	fclose(f);
}

int main(int argc, char **argv)
{
	pid_t attached = 0;
	int option;

	while ((option = getopt(argc, argv, "+p:o:a:w:")) != -1) {
		if (option == 'p')
			attached = atoi(optarg);
		else if (option == 'o')
			only = atol(optarg);
		else if (option == 'a')
			after = atol(optarg);
		else if (option == 'w' && without_count < sizeof(without) / sizeof(without[0]))
			without[without_count++] = optarg;
		else
			return 99;
	}
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 6) {
		fprintf(stderr,
			"usage: point [-p PID] [-o CALL] [-a CALL] [-w NAME]... tare|init kill|CODE N "
			"REPORT COMMAND...\n");
		return 99;
	}
	wants_tare = strcmp(argv[1], "tare") == 0;
	is_kill = strcmp(argv[2], "kill") == 0;
	fault_code = atoi(argv[2]);
	target = strtoul(argv[3], NULL, 10);
	begun = !wants_tare;
	start(argv + 5);
	if (attached > 0) {
		trace(attached);
		ptrace(PTRACE_INTERRUPT, attached, 0, 0);
	}

	int status = watch();

	report(argv[4]);

	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
