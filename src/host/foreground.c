/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/foreground.c - run in the foreground
 *
 * tare stays between the caller and the program: signals go on to the program, the caller's
 * terminal and the program's are copied into one another, and the program's end becomes ours. The
 * caller's terminal is raw for that time and restored on every way out.
 */
#include "host/host.h"

#include "base/fd.h"
#include "base/table.h"
#include "kernel/process.h"

#include <asm/termbits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

struct foreground {
	struct create *create;
	int signals;
	bool raw; /* @saved is to be put back */
	struct termios saved;
	bool input_open;
};

uint64_t foreground_signals(void)
{
	const uint64_t own = 1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << (SIGURG - 1) |
			     1ULL << (SIGPIPE - 1) | 1ULL << (SIGSEGV - 1) | 1ULL << (SIGBUS - 1) |
			     1ULL << (SIGILL - 1) | 1ULL << (SIGFPE - 1) | 1ULL << (SIGABRT - 1);

	return ~own;
}

/* ---- the terminal ---- */

/* The caller's terminal: whichever of its three descriptors is one. -1: none. */
static int caller_terminal(void)
{
	struct winsize size;

	for (int fd = 0; fd < 3; fd++)
		if (sys_ioctl(fd, TIOCGWINSZ, &size) == 0)
			return fd;

	return -1;
}

static void copy_size(const struct foreground *f)
{
	struct winsize size;
	int terminal = caller_terminal();

	if (terminal >= 0 && sys_ioctl(terminal, TIOCGWINSZ, &size) == 0)
		sys_ioctl(f->create->console, TIOCSWINSZ, &size);
}

/*
 * cfmakeraw(3), as termios(3) describes it, but that OPOST stays: the container's pty leaves \n as it is (inside/console.c),
 * so that the carriage return is this terminal's to add.
 */
static void make_raw(struct foreground *f)
{
	struct termios raw;

	if (sys_ioctl(0, TCGETS, &f->saved) < 0)
		return;
	raw = f->saved;
	raw.c_iflag &=
		~(tcflag_t) (IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_lflag &= ~(tcflag_t) (ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= ~(tcflag_t) (CSIZE | PARENB);
	raw.c_cflag |= CS8;
	f->raw = sys_ioctl(0, TCSETS, &raw) == 0;
}

static void restore(const struct foreground *f)
{
	if (f->raw)
		sys_ioctl(0, TCSETS, (void *) &f->saved);
}

/* One block; false at the end of @from or when @to takes no more. */
static bool copy_block(int from, int to)
{
	char block[4096];
	ssize_t n = sys_read(from, block, sizeof(block));

	if (n == -EAGAIN || n == -EINTR)
		return true;

	return n > 0 && sys_write_all(to, block, (size_t) n) == 0;
}

/* ---- the loop ---- */

static void pass_signals(const struct foreground *f)
{
	struct signalfd_siginfo info;

	while (sys_read(f->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGWINCH && f->create->console >= 0)
			copy_size(f);
		else
			sys_pidfd_signal(f->create->pidfd, (int) info.ssi_signo);
	}
}

enum { WATCH_END, WATCH_SIGNALS, WATCH_CONSOLE, WATCH_INPUT, WATCH_NOTIFY, WATCH_COUNT };

/* False once the program has ended. */
static bool serve_once(struct foreground *f)
{
	struct create *c = f->create;
	struct pollfd fds[WATCH_COUNT] = {
		[WATCH_END] = { .fd = c->pidfd, .events = POLLIN },
		[WATCH_SIGNALS] = { .fd = f->signals, .events = POLLIN },
		[WATCH_CONSOLE] = { .fd = c->console, .events = POLLIN },
		[WATCH_INPUT] = { .fd = c->console >= 0 && f->input_open ? 0 : -1,
				  .events = POLLIN },
		[WATCH_NOTIFY] = { .fd = c->notify.in, .events = POLLIN },
	};

	if (sys_pidfd_poll(fds, ARRAY_SIZE(fds), -1) < 0)
		return true;
	if (fds[WATCH_SIGNALS].revents != 0)
		pass_signals(f);
	if (fds[WATCH_NOTIFY].revents != 0)
		notify_pass(&c->notify);
	if (fds[WATCH_INPUT].revents != 0)
		f->input_open = copy_block(0, c->console);
	if (fds[WATCH_CONSOLE].revents != 0 && !copy_block(c->console, 1)) {
		sys_close(c->console); /* nobody has the other side open any more */
		c->console = -1;
	}

	return fds[WATCH_END].revents == 0;
}

/* What the program printed last may still be in the pty. */
static void drain_console(const struct foreground *f)
{
	struct pollfd p = { .fd = f->create->console, .events = POLLIN };

	while (p.fd >= 0 && sys_poll(&p, 1, 0) > 0 && copy_block(p.fd, 1))
		;
}

static int exit_code_of(int status)
{
	int signal = status & 0x7f;

	return signal != 0 ? 128 + signal : status >> 8 & 0xff;
}

int foreground_wait(struct create *c, int *exit_code, struct err *e)
{
	const uint64_t mask = foreground_signals();
	struct foreground f = { .create = c, .input_open = true };
	int status = 0;

	sys_signal_mask(SIG_SETMASK, &mask, NULL);
	autoclose int signals = sys_signalfd(&mask);
	if (signals < 0)
		return err_sys(e, signals, "watch for signals");
	f.signals = signals;
	if (c->console >= 0) {
		make_raw(&f);
		copy_size(&f);
	}
	while (serve_once(&f))
		;
	drain_console(&f);
	restore(&f);

	pid_t pid = sys_wait(c->pid, &status, 0);
	if (pid < 0)
		return err_sys(e, pid, "wait for the container's process");
	c->pid = 0;
	*exit_code = exit_code_of(status);

	return 0;
}
