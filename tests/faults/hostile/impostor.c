/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/faults/hostile/impostor.c - plays tare-init, and says what it likes
 *
 * Built like tare-init, and put in its place in a copy of tare (test_impostor.py). What to do is in the file SCRIPT: records of struct
 * act, one after the other. At the end of them it ends, or waits a moment and ends.
 */
#include "base/fmt.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "wire/wire.h"

#include <sys/socket.h>

void init_main(const long *stack) __attribute__((used));

enum what { SEND, RECEIVE, SIBLING, CHILD, END, ACCEPT, NAP };

enum with {
	NOTHING,
	NULL_DEVICE,
	MEMORY,
	PIPE,
	MULTIPLEXER,
	DIRECTORY,
	SOCKET,
	FILE_OF_SCRIPT,
	PIDFD,
	WITH_COUNT
};

enum number { AS_GIVEN, OUR_PID, SIBLINGS_PID, CHILDS_PID, PARENTS_PID };

struct act {
	uint8_t what, with, fds, number;
	uint16_t cut;  /* so many bytes less than a whole message of its kind */
	uint16_t more; /* and so many more */
	uint32_t kind, step;
};

static struct act script[256];
static pid_t sibling, child;
static int control;

static int open_with(enum with with)
{
	int ends[2];

	switch (with) {
	case NULL_DEVICE:
		return sys_open("/dev/null", O_RDWR);
	case MEMORY:
		return (int) SYS_CALL(memfd_create, "impostor", 0, 0, 0, 0, 0);
	case PIPE:
		return sys_pipe(ends) == 0 ? ends[0] : -1;
	case MULTIPLEXER:
		return sys_open("/dev/ptmx", O_RDWR | O_NOCTTY);
	case DIRECTORY:
		return sys_open("/", O_RDONLY | O_DIRECTORY);
	case SOCKET:
		return (int) SYS_CALL(socket, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0);
	case FILE_OF_SCRIPT:
		return sys_open(SCRIPT, O_RDONLY);
	case PIDFD:
		return sys_pidfd_open(sys_pid());
	default:
		return -1;
	}
}

static uint32_t number_of(const struct act *a)
{
	switch (a->number) {
	case OUR_PID:
		return (uint32_t) sys_pid();
	case SIBLINGS_PID:
		return (uint32_t) sibling;
	case CHILDS_PID:
		return (uint32_t) child;
	case PARENTS_PID:
		return (uint32_t) SYS_CALL(getppid, 0, 0, 0, 0, 0, 0);
	default:
		return a->step;
	}
}

/* As many descriptors as it likes, in a message of any length. */
static void say(const struct act *a)
{
	static struct {
		struct wire_message m;
		char behind[4096];
	} message;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} with = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	bool whole = a->kind == WIRE_FAILED || a->kind == WIRE_WARNING;
	size_t size = whole ? sizeof(message.m) : offsetof(struct wire_message, error);
	int fds[8], count = a->fds > 8 ? 8 : a->fds;

	message.m.kind = a->kind;
	message.m.step = number_of(a);
	/* texts without an end */
	memset(&message.m.error, 'x', sizeof(message.m.error));
	memset(message.m.program, '/', sizeof(message.m.program));
	size = size > a->cut ? size - a->cut : 0;
	size += a->more < sizeof(message.behind) ? a->more : 0;

	struct iovec part = { .iov_base = &message, .iov_len = size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	for (int i = 0; i < count; i++)
		fds[i] = open_with((enum with)(a->with % WITH_COUNT));
	if (count > 0 && fds[0] >= 0) {
		memcpy(CMSG_DATA(&with.header), fds, (size_t) count * sizeof(*fds));
		with.header.cmsg_len = CMSG_LEN((size_t) count * sizeof(*fds));
		m.msg_control = &with;
		m.msg_controllen = with.header.cmsg_len;
	}
	SYS_CALL(sendmsg, control, &m, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0, 0);
	for (int i = 0; i < count; i++)
		if (fds[i] >= 0)
			sys_close(fds[i]);
}

static void receive(void)
{
	struct pollfd p = { .fd = control, .events = POLLIN };
	struct wire_message m;
	int fd;

	if (sys_poll(&p, 1, 200) > 0 && wire_receive(control, &m, &fd) > 0 && fd >= 0)
		sys_close(fd);
}

/* Who goes on is the new one; the other ends, or where it is its parent waits with it. */
static void become_sibling(void)
{
	sibling = (pid_t) SYS_CALL(clone, CLONE_PARENT, 0, 0, 0, 0, 0);
}

static void act(const struct act *a)
{
	switch (a->what) {
	case SEND:
		say(a);
		break;
	case RECEIVE:
		receive();
		break;
	case SIBLING:
		become_sibling();
		if (sibling == 0)
			sys_poll(NULL, 0, 300);
		if (sibling == 0)
			sys_exit(0);
		break;
	case CHILD:
		child = sys_fork();
		if (child == 0)
			sys_poll(NULL, 0, 300);
		if (child == 0)
			sys_exit(0);
		break;
	case END:
		sys_exit((int) a->step & 0xff);
	case ACCEPT:
		control = (int) SYS_CALL(accept4, control + WIRE_LISTENER - WIRE_CONTROL, NULL,
					 NULL, 0, 0, 0);
		break;
	case NAP:
		sys_poll(NULL, 0, (int) (a->step % 50));
		break;
	default:
		break;
	}
}

void init_main(const long *stack)
{
	char **argv = (char **) (stack + 1);
	unsigned long long first;
	int fd = sys_open(SCRIPT, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : sys_read_all(fd, script, sizeof(script));

	if (stack[0] < 2 || fmt_parse_u64(argv[1], &first) < 0)
		sys_exit(1);
	sys_close(fd);
	control = (int) first + WIRE_CONTROL;
	for (size_t i = 0; n > 0 && i < (size_t) n / sizeof(*script); i++)
		act(&script[i]);
	sys_exit(0);
}

ARCH_START
