/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/kernels/phone.c - run a command as on the kernel of a phone
 *
 *     phone [-n NS,...] [-f TYPE=ERRNO,...] [-s CALL=ERRNO,...] [-i] COMMAND [ARG...]
 *
 * Kernels of phones are built without some namespaces and file systems, and a policy (SELinux)
 * refuses others. -n: namespaces that clone(2) and unshare(2) say EINVAL to; clone3(2), whose flags
 * no filter sees, is not there at all. -f: file systems that mount(2) and fsopen(2) refuse: ENODEV
 * as if not built, EPERM as a policy. -s: whole system calls. -i: AF_INET and AF_INET6 sockets are
 * for the group 3003 only ("paranoid networking").
 *
 * What depends on memory of the caller is decided by this process, which the filter asks
 * (seccomp_unotify(2)).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "this processor is not known here yet"
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define TYPE_SIZE     64
#define MOST_TYPES    32
#define MOST_CODE     256
#define INET_GROUP    3003
#define NEW_TIME      0x80

static const struct {
	const char *name;
	int number;
} errnos[] = { { "ENODEV", ENODEV }, { "EPERM", EPERM },   { "EACCES", EACCES },
	       { "ENOSYS", ENOSYS }, { "EINVAL", EINVAL }, { "ENOSPC", ENOSPC } };

static const struct {
	const char *name;
	uint32_t flag;
} namespaces[] = { { "pid", CLONE_NEWPID },	  { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS },
		   { "user", CLONE_NEWUSER },	  { "net", CLONE_NEWNET }, { "mnt", CLONE_NEWNS },
		   { "cgroup", CLONE_NEWCGROUP }, { "time", NEW_TIME } };

#define CALL(name)                                                                                 \
	{                                                                                          \
#name, SYS_##name                                                                  \
	}

static const struct {
	const char *name;
	int number;
} calls[] = { CALL(mount),	CALL(pivot_root), CALL(sethostname), CALL(setgroups),
	      CALL(mknodat),	CALL(keyctl),	  CALL(unshare),     CALL(seccomp),
	      CALL(move_mount), CALL(open_tree),  CALL(fsopen),	     CALL(mount_setattr),
	      CALL(chroot),	CALL(prctl),	  CALL(openat2),     CALL(memfd_create),
#ifdef SYS_mknod
	      CALL(mknod)
#endif
};

static struct {
	const char *type;
	int error;
} refused[MOST_TYPES];
static size_t refused_count;
static bool inet_by_group;

static struct sock_filter code[MOST_CODE];
static unsigned short code_length;

static void die(const char *what)
{
	fprintf(stderr, "phone: %s\n", what);
	exit(2);
}

/* ---- the filter ---- */

static void emit(struct sock_filter instruction)
{
	if (code_length == MOST_CODE)
		die("too much is asked for");
	code[code_length++] = instruction;
}

static void load(size_t offset)
{
	emit((struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void decide(int number, uint32_t action)
{
	emit((struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	emit((struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action));
}

/*
 * EINVAL for one of @flags in the first argument; the number of the call is loaded before and
 * behind.
 */
static void refuse_flags(int number, uint32_t flags)
{
	if (!flags)
		return;
	emit((struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
	load(offsetof(struct seccomp_data, args[0]));
	emit((struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1));
	emit((struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
	emit((struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	load(offsetof(struct seccomp_data, nr));
}

static void begin_filter(void)
{
	load(offsetof(struct seccomp_data, arch));
	emit((struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	emit((struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	load(offsetof(struct seccomp_data, nr));
}

static void end_filter(uint32_t missing)
{
	if (missing)
		decide(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	/* The lowest byte of clone(2)'s flags is a signal. */
	refuse_flags(SYS_clone, missing & ~(uint32_t) NEW_TIME);
	refuse_flags(SYS_unshare, missing);
	if (refused_count > 0) {
		decide(SYS_mount, SECCOMP_RET_USER_NOTIF);
		decide(SYS_fsopen, SECCOMP_RET_USER_NOTIF);
	}
	if (inet_by_group)
		decide(SYS_socket, SECCOMP_RET_USER_NOTIF);
	emit((struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/* ---- the words ---- */

static int read_errno(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (strcmp(errnos[i].name, word) == 0)
			return errnos[i].number;
	die("unknown errno");

	return 0;
}

/* "NAME=ERRNO": the name is what is left of @word. */
static int split(char *word)
{
	char *equals = strchr(word, '=');

	if (!equals)
		die("NAME=ERRNO is meant");
	*equals = '\0';

	return read_errno(equals + 1);
}

static uint32_t read_namespaces(char *list)
{
	uint32_t flags = 0;

	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < ARRAY_SIZE(namespaces) && strcmp(namespaces[i].name, word) != 0)
			i++;
		if (i == ARRAY_SIZE(namespaces))
			die("unknown namespace");
		flags |= namespaces[i].flag;
	}

	return flags;
}

static void read_types(char *list)
{
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (refused_count == MOST_TYPES)
			die("too many file systems");
		refused[refused_count].error = split(word);
		refused[refused_count++].type = word;
	}
}

static void read_calls(char *list)
{
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		int error = split(word);
		size_t i = 0;

		while (i < ARRAY_SIZE(calls) && strcmp(calls[i].name, word) != 0)
			i++;
		if (i == ARRAY_SIZE(calls))
			die("unknown system call");
		decide(calls[i].number, SECCOMP_RET_ERRNO | (uint32_t) error);
	}
}

/* ---- what the filter asks ---- */

/* The text at @address of process @pid, as far as it can be read. */
static void read_text(pid_t pid, uint64_t address, char text[TYPE_SIZE])
{
	memset(text, 0, TYPE_SIZE);
	for (size_t i = 0; address && i < TYPE_SIZE - 1; i++) {
		struct iovec here = { text + i, 1 },
			     there = { (void *) (uintptr_t) (address + i), 1 };

		if (process_vm_readv(pid, &here, 1, &there, 1, 0) != 1 || text[i] == '\0')
			return;
	}
}

static int judge_mount(const struct seccomp_notif *asked)
{
	bool classic = asked->data.nr == SYS_mount;
	char type[TYPE_SIZE];

	/* No file system is made there. */
	if (classic && asked->data.args[3] & (MS_BIND | MS_REMOUNT | MS_MOVE))
		return 0;
	read_text((pid_t) asked->pid, asked->data.args[classic ? 2 : 0], type);
	for (size_t i = 0; i < refused_count; i++)
		if (strcmp(refused[i].type, type) == 0)
			return refused[i].error;

	return 0;
}

/* Is @group among the numbers of the "Gid:" and "Groups:" lines? */
static bool has_group(pid_t pid, int group)
{
	char path[64], line[4096];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);

	FILE *status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status)) {
		if (strncmp(line, "Gid:", 4) != 0 && strncmp(line, "Groups:", 7) != 0)
			continue;
		for (char *at = strchr(line, ':') + 1, *end; *at; at = end) {
			found |= strtol(at, &end, 10) == group && end > at;
			if (end == at)
				break;
		}
	}
	if (status)
		fclose(status);

	return found;
}

static int judge_socket(const struct seccomp_notif *asked)
{
	uint64_t family = asked->data.args[0];

	if (family != AF_INET && family != AF_INET6)
		return 0;

	return has_group((pid_t) asked->pid, INET_GROUP) ? 0 : EACCES;
}

static void answer(int listener)
{
	struct seccomp_notif asked = { 0 };
	struct seccomp_notif_resp response = { 0 };

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
		return;

	int error = asked.data.nr == SYS_socket ? judge_socket(&asked) : judge_mount(&asked);

	response.id = asked.id;
	response.error = -error;
	response.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* ---- the two processes ---- */

static void pass(int socket, int *fd, bool send)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&m);

	if (!send) {
		if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC) <= 0)
			die("the filter's descriptor did not come");
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(*fd));
		return;
	}
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), fd, sizeof(*fd));
	sendmsg(socket, &m, 0);
}

static void become(char **argv, int socket, bool asks)
{
	const struct sock_fprog program = { .len = code_length, .filter = code };

	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	int listener = (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				     asks ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program);
	if (listener < 0)
		die("the filter was refused");
	if (asks) {
		pass(socket, &listener, true);
		close(listener);
	}
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t child;

static void hand_on(int signal)
{
	kill(child, signal);
}

/*
 * Also what outlives the child is answered for as long as this process is there; its end makes it
 * ENOSYS.
 */
static int serve(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int status;

	while (waitpid(child, &status, WNOHANG) != child)
		if (poll(&p, 1, 20) > 0 && p.revents & POLLIN)
			answer(listener);

	return code_of(status);
}

int main(int argc, char **argv)
{
	uint32_t missing = 0;
	int option, sockets[2], listener, status;

	begin_filter();
	while ((option = getopt(argc, argv, "+n:f:s:i")) != -1) {
		if (option == 'n')
			missing |= read_namespaces(optarg);
		else if (option == 'f')
			read_types(optarg);
		else if (option == 's')
			read_calls(optarg);
		else if (option == 'i')
			inet_by_group = true;
		else
			return 2;
	}
	if (optind == argc)
		die("no command is given");
	end_filter(missing);

	bool asks = refused_count > 0 || inet_by_group;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) < 0)
		die("no sockets");
	child = fork();
	if (child == 0)
		become(argv + optind, sockets[1], asks);
	signal(SIGTERM, hand_on);
	signal(SIGINT, hand_on);
	if (!asks) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		return code_of(status);
	}
	pass(sockets[0], &listener, false);

	return serve(listener);
}
