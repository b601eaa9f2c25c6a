/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/kernels/older.c - run a command as if the kernel were an older one
 *
 *     older VERSION enosys|eperm [WITHOUT...] COMMAND [ARG...]
 *
 * Compiled with -DPREFIX='"VERSION", "enosys", "COMMAND"' it takes the ARGs alone.
 *
 * A seccomp filter, loaded before the command and so held by all that it starts, refuses what came
 * after VERSION: system calls with ENOSYS, as the kernel of that time did, or with EPERM, as the
 * filter of an outer container does that is older than its kernel; flags of older calls with what
 * the old kernel said of an unknown one. WITHOUT is "-user", "-cgroup" or "-time": namespaces that
 * the kernel was built without; or a call that is refused alone, "-fsopen" or others of its kind, or "-mknodat".
 *
 * What no filter can tell it lets pass: a flag in a structure, a file of procfs or cgroupfs. Those are tried by
 * tests/unit/older_kernel_test.c and tests/faults/test_lacks.py. Run
 * again below itself (a test that changes its user does) it only executes the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "this processor is not known here yet"
#endif

#define V(major, minor) ((major) *1000 + (minor))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* A prctl(2) that no kernel knows: the filter answers it with ESTALE, which says that it is there. */
#define ARE_YOU_THERE	   0x7461
#define NEW_TIME_NAMESPACE 0x80

/* The numbers are the same on every processor from 424 on; see the kernel's include/uapi/asm-generic/unistd.h. */
static const struct {
	int since, first, last;
} calls[] = {
#ifdef SYS_sched_setattr
	{ V(3, 14), SYS_sched_setattr, SYS_sched_setattr },
	{ V(3, 14), SYS_sched_getattr, SYS_sched_getattr },
#endif
	{ V(3, 15), SYS_renameat2, SYS_renameat2 },
	{ V(3, 17), SYS_seccomp, SYS_seccomp },
	{ V(3, 17), SYS_getrandom, SYS_getrandom },
	{ V(3, 17), SYS_memfd_create, SYS_memfd_create },
	{ V(3, 18), SYS_bpf, SYS_bpf },
	{ V(3, 19), SYS_execveat, SYS_execveat },
	{ V(4, 2), SYS_userfaultfd, SYS_userfaultfd },
	{ V(4, 3), SYS_membarrier, SYS_membarrier },
	{ V(4, 4), SYS_mlock2, SYS_mlock2 },
	{ V(4, 5), SYS_copy_file_range, SYS_copy_file_range },
	{ V(4, 6), SYS_preadv2, SYS_preadv2 },
	{ V(4, 6), SYS_pwritev2, SYS_pwritev2 },
	{ V(4, 9), SYS_pkey_mprotect, SYS_pkey_mprotect },
	{ V(4, 9), SYS_pkey_alloc, SYS_pkey_alloc },
	{ V(4, 9), SYS_pkey_free, SYS_pkey_free },
	{ V(4, 11), SYS_statx, SYS_statx },
	{ V(4, 18), SYS_io_pgetevents, SYS_io_pgetevents },
	{ V(4, 18), SYS_rseq, SYS_rseq },
	{ V(5, 1), 424, 427 },	/* pidfd_send_signal, io_uring_* */
	{ V(5, 2), 428, 433 },	/* open_tree, move_mount, fsopen, fsconfig, fsmount, fspick */
	{ V(5, 3), 434, 435 },	/* pidfd_open, clone3 */
	{ V(5, 9), 436, 436 },	/* close_range */
	{ V(5, 6), 437, 438 },	/* openat2, pidfd_getfd */
	{ V(5, 8), 439, 439 },	/* faccessat2 */
	{ V(5, 10), 440, 440 }, /* process_madvise */
	{ V(5, 11), 441, 441 }, /* epoll_pwait2 */
	{ V(5, 12), 442, 442 }, /* mount_setattr */
	{ V(5, 14), 443, 443 }, /* quotactl_fd */
	{ V(5, 13), 444, 446 }, /* landlock_* */
	{ V(5, 14), 447, 447 }, /* memfd_secret */
	{ V(5, 15), 448, 448 }, /* process_mrelease */
	{ V(5, 16), 449, 449 }, /* futex_waitv */
	{ V(5, 17), 450, 450 }, /* set_mempolicy_home_node */
	{ V(6, 5), 451, 451 },	/* cachestat */
	{ V(6, 6), 452, 453 },	/* fchmodat2, map_shadow_stack */
	{ V(6, 7), 454, 456 },	/* futex_wake, futex_wait, futex_requeue */
	{ V(6, 8), 457, 461 },	/* statmount, listmount, lsm_* */
	{ V(6, 10), 462, 462 }, /* mseal */
	{ V(6, 13), 463, 466 }, /* *xattrat */
	{ V(6, 15), 467, 467 }, /* open_tree_attr */
	{ V(6, 17), 468, 469 }, /* file_getattr, file_setattr */
	{ V(6, 18), 470, 500 }, /* and all that follow */
};

/* A call of before that is refused for one argument: value (ANY, ALL: bits of it), or greater. */
enum test { EQUAL, ANY, ALL, GREATER };

struct argument {
	int since;
	int call;
	unsigned index;
	enum test test;
	uint32_t value;
	int error;
	int first; /* this argument only where args[0] is it; -1: always */
};

static const struct argument arguments[] = {
	/* O_TMPFILE; before, it was O_DIRECTORY, and a directory can't be written to */
	{ V(3, 11), SYS_openat, 2, ALL, 020000000 | O_DIRECTORY, EISDIR, -1 },
	/* of O_PATH descriptors, which the filter can't tell from others */
	{ V(3, 12), SYS_fstatfs, 0, GREATER, 2, EBADF, -1 },
	{ V(3, 17), SYS_fcntl, 1, EQUAL, 1033, EINVAL, -1 }, /* F_ADD_SEALS */
	{ V(3, 17), SYS_fcntl, 1, EQUAL, 1034, EINVAL, -1 }, /* F_GET_SEALS */
	{ V(3, 17), SYS_seccomp, 1, ANY, 1, EINVAL, 1 },     /* TSYNC */
	{ V(4, 3), SYS_prctl, 0, EQUAL, 47, EINVAL, -1 },    /* PR_CAP_AMBIENT */
	{ V(4, 6), SYS_unshare, 0, ANY, CLONE_NEWCGROUP, EINVAL, -1 },
	{ V(4, 6), SYS_clone, 0, ANY, CLONE_NEWCGROUP, EINVAL, -1 },
	{ V(4, 6), SYS_setns, 1, EQUAL, CLONE_NEWCGROUP, EINVAL, -1 },
	{ V(4, 13), SYS_ioctl, 1, EQUAL, 0x5441, ENOTTY, -1 }, /* TIOCGPTPEER */
	{ V(4, 14), SYS_seccomp, 1, ANY, 2, EINVAL, 1 },       /* LOG */
	{ V(4, 15), SYS_bpf, 0, EQUAL, 5, EINVAL,
	  -1 }, /* BPF_PROG_LOAD of devices: all others are nobody's here */
	{ V(4, 15), SYS_bpf, 0, EQUAL, 16, EINVAL, -1 },  /* BPF_PROG_QUERY */
	{ V(4, 17), SYS_seccomp, 1, ANY, 4, EINVAL, 1 },  /* SPEC_ALLOW */
	{ V(5, 0), SYS_seccomp, 1, ANY, 8, EINVAL, 1 },	  /* NEW_LISTENER */
	{ V(5, 4), SYS_waitid, 0, EQUAL, 3, EINVAL, -1 }, /* P_PIDFD */
	{ V(5, 6), SYS_unshare, 0, ANY, NEW_TIME_NAMESPACE, EINVAL, -1 },
	{ V(5, 6), SYS_setns, 1, EQUAL, NEW_TIME_NAMESPACE, EINVAL, -1 },
	{ V(5, 7), 435, 1, GREATER, 80, E2BIG, -1 },	 /* clone3 with a cgroup */
	{ V(5, 7), SYS_seccomp, 1, ANY, 16, EINVAL, 1 }, /* TSYNC_ESRCH */
	/* of a pidfd: several at once */
	{ V(5, 8), SYS_setns, 1, ALL, CLONE_NEWNS | CLONE_NEWPID, EINVAL, -1 },
	{ V(5, 8), SYS_setns, 1, ALL, CLONE_NEWUTS | CLONE_NEWIPC, EINVAL, -1 },
	{ V(5, 11), 436, 2, ANY, 4, EINVAL, -1 },		 /* CLOSE_RANGE_CLOEXEC */
	{ V(5, 19), SYS_seccomp, 1, ANY, 32, EINVAL, 1 },	 /* WAIT_KILLABLE_RECV */
	{ V(6, 3), SYS_memfd_create, 1, ANY, 0x18, EINVAL, -1 }, /* MFD_EXEC, MFD_NOEXEC_SEAL */
};

static const struct {
	const char *name;
	uint32_t flag;
} namespaces[] = {
	{ "-user", CLONE_NEWUSER },
	{ "-cgroup", CLONE_NEWCGROUP },
	{ "-time", NEW_TIME_NAMESPACE },
};

static const struct {
	const char *name;
	int call;
	bool permitted; /* the kernel has it, so the refusal is EPERM */
} single[] = {
	{ "-open_tree", 428 },	   { "-move_mount", 429 },
	{ "-fsopen", 430 },	   { "-fsconfig", 431 },
	{ "-fsmount", 432 },	   { "-fspick", 433 },
	{ "-mount_setattr", 442 }, { "-mknodat", SYS_mknodat, true },
	{ "-bpf", SYS_bpf },
};

/* What of them the command line names, by index. */
static bool refused[ARRAY_SIZE(single)];

/* ---- the program ---- */

static struct sock_filter code[1024];
static size_t length;

static void emit(uint16_t op, uint8_t if_true, uint8_t if_false, uint32_t k)
{
	if (length == ARRAY_SIZE(code))
		exit(125);
	code[length++] = (struct sock_filter) { op, if_true, if_false, k };
}

static void refuse(int error)
{
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | (uint32_t) error);
}

static void load(size_t offset)
{
	emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t) offset);
}

/* Skip the next @n instructions unless the test of what is loaded holds. */
static void only_if(enum test test, uint32_t value, uint8_t n)
{
	switch (test) {
	case EQUAL:
		emit(BPF_JMP | BPF_JEQ | BPF_K, 0, n, value);
		break;
	case ANY:
		emit(BPF_JMP | BPF_JSET | BPF_K, 0, n, value);
		break;
	case ALL:
		emit(BPF_ALU | BPF_AND | BPF_K, 0, 0, value);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 0, n, value);
		break;
	case GREATER:
		emit(BPF_JMP | BPF_JGT | BPF_K, 0, n, value);
		break;
	}
}

/* The lower half of an argument. */
static size_t argument_at(unsigned index)
{
	return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t);
}

static void add_argument(const struct argument *a)
{
	uint8_t test = a->test == ALL ? 2 : 1, first = a->first >= 0 ? 2 : 0;

	load(offsetof(struct seccomp_data, nr));
	only_if(EQUAL, (uint32_t) a->call, (uint8_t) (2 + test + first));
	if (first) {
		load(argument_at(0));
		only_if(EQUAL, (uint32_t) a->first, (uint8_t) (2 + test));
	}
	load(argument_at(a->index));
	only_if(a->test, a->value, 1);
	refuse(a->error);
}

static void add_call(int first, int last, int error)
{
	load(offsetof(struct seccomp_data, nr));
	emit(BPF_JMP | BPF_JGE | BPF_K, 0, 2, (uint32_t) first);
	emit(BPF_JMP | BPF_JGT | BPF_K, 1, 0, (uint32_t) last);
	refuse(error);
}

static void make_filter(int version, int error, uint32_t without)
{
	load(offsetof(struct seccomp_data, arch));
	emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	add_argument(&(struct argument) { .call = SYS_prctl,
					  .test = EQUAL,
					  .value = ARE_YOU_THERE,
					  .error = ESTALE,
					  .first = -1 });
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].since > version)
			add_call(calls[i].first, calls[i].last, error);
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++)
		if (arguments[i].since > version)
			add_argument(&arguments[i]);
	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (refused[i])
			add_call(single[i].call, single[i].call,
				 single[i].permitted ? EPERM : error);
	if (without) {
		const int flagged[] = { SYS_clone, SYS_unshare };

		/* Its flags lie in memory. */
		add_call(435, 435, ENOSYS);
		for (size_t i = 0; i < ARRAY_SIZE(flagged); i++)
			add_argument(
				&(struct argument) { .call = flagged[i],
						     .test = ANY,
						     /* in clone(2) the lowest byte is a signal */
						     .value = i == 0 ? without & ~0xffU : without,
						     .error = EINVAL,
						     .first = -1 });
		add_argument(&(struct argument) { .call = SYS_setns,
						  .index = 1,
						  .test = ANY,
						  .value = without,
						  .error = EINVAL,
						  .first = -1 });
	}
	emit(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
}

static int fail(const char *what)
{
	fprintf(stderr, "older: %s: %s\n", what, strerror(errno));
	return 125;
}

static int load_filter(void)
{
	const struct sock_fprog program = { .len = (unsigned short) length, .filter = code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

#ifdef PREFIX
static const char *const prefix[] = { "older", PREFIX };
#else
static const char *const prefix[] = { "older" };
#endif

/* The command line as if it had been given in whole. */
static char **whole(int argc, char **argv)
{
	static char *words[4096];
	size_t n = 0;

	for (; n < ARRAY_SIZE(prefix); n++)
		words[n] = (char *) prefix[n];
	for (int i = 1; i < argc && n + 1 < ARRAY_SIZE(words); i++)
		words[n++] = argv[i];

	return words;
}

static uint32_t read_without(char ***argv)
{
	uint32_t without = 0;

	for (; **argv && (**argv)[0] == '-'; (*argv)++) {
		for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
			if (strcmp(**argv, namespaces[i].name) == 0)
				without |= namespaces[i].flag;
		for (size_t i = 0; i < ARRAY_SIZE(single); i++)
			refused[i] |= strcmp(**argv, single[i].name) == 0;
	}

	return without;
}

int main(int argc, char **argv)
{
	int major, minor;

	argv = whole(argc, argv);
	if (!argv[1] || !argv[2] || sscanf(argv[1], "%d.%d", &major, &minor) != 2) {
		fprintf(stderr,
			"usage: older VERSION enosys|eperm [-user|-cgroup|-time|-CALL] COMMAND\n");
		return 125;
	}

	int error = strcmp(argv[2], "eperm") == 0 ? EPERM : ENOSYS;
	argv += 3;
	uint32_t without = read_without(&argv);
	if (!argv[0])
		return 125;
	if (prctl(ARE_YOU_THERE, 0, 0, 0, 0) == 0 || errno != ESTALE) {
		make_filter(V(major, minor), error, without);
		if (load_filter() < 0)
			return fail("load the filter");
	}
	execvp(argv[0], argv);

	return fail(argv[0]);
}
