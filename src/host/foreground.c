/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/foreground.c - run in the foreground
 *
 * tare stays between the caller and the program: it passes signals on, copies between the caller's
 * terminal and the program's, and ends with the program's exit code. The caller's terminal is in
 * raw mode for that time, and is restored on every way out.
 *
 * Nothing but poll(2) waits: so a slow reader of one direction delays neither signals nor the other
 * direction.
 */
#include "host/foreground.h"

#include "base/table.h"
#include "cgroup/oom.h"
#include "cgroup/stats.h"
#include "heap/log.h"
#include "host/create/create.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"
#include "state/unreaped.h"

#include <asm/termbits.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

#define TRACER_TIMEOUT_MS 5000
#define TRACER_NAP_MS	  10

/* One direction of the copying: a block is read only when the previous one is written. */
struct copy {
	int from, to;
	size_t at, length; /* the part of @block that is still to be written */
	char block[4096];
};

struct foreground {
	struct create *create;
	int signals;
	bool raw; /* @saved must be restored */
	struct termios saved;
	struct copy input, output; /* @from is -1 after the end */
	int64_t deadline;	   /* sys_clock_ms(); 0: none */
	bool timed_out;		   /* the first deadline has passed: the next one is for SIGKILL */
	/* when to look whether the program needs the end of the input; 0: never */
	int64_t end_look;
	int end_nap; /* milliseconds between two looks */
};

uint64_t foreground_signals(void)
{
	const uint64_t own = 1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << (SIGURG - 1) |
			     1ULL << (SIGPIPE - 1) | 1ULL << (SIGSEGV - 1) | 1ULL << (SIGBUS - 1) |
			     1ULL << (SIGILL - 1) | 1ULL << (SIGFPE - 1) | 1ULL << (SIGABRT - 1);

	return ~own;
}

/* ---- the terminal ---- */

/* The first of the three standard descriptors that is a terminal. -1: none. */
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
 * As cfmakeraw(3), but OPOST stays set: the container's pty leaves newlines unchanged
 * (inside/console.c), so the caller's terminal must add the carriage return.
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

/*
 * The descriptor for output. poll(2) calls a pipe writable when a block fits; on a terminal
 * write(2) may take a part of the block and then sleep. So a terminal is opened again with
 * O_NONBLOCK: the flag on the caller's descriptor would change it for all processes that share it.
 * (Opening the master of a pty would make another pty.)
 */
static int open_output(void)
{
	struct winsize size;
	int number;

	if (sys_ioctl(1, TIOCGWINSZ, &size) < 0 || sys_ioctl(1, TIOCGPTN, &number) == 0)
		return -1;

	return sys_open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY);
}

/* ---- copying ---- */

static bool copy_has_block(const struct copy *c)
{
	return c->at < c->length;
}

static struct pollfd copy_watch(const struct copy *c)
{
	if (copy_has_block(c))
		return (struct pollfd) { .fd = c->to, .events = POLLOUT };

	return (struct pollfd) { .fd = c->from, .events = POLLIN };
}

/*
 * Read or write once, after poll(2) said that it does not block. False at the end of @from, or when
 * @to takes no more.
 */
static bool copy_go_on(struct copy *c, short revents)
{
	if (copy_has_block(c)) {
		ssize_t n = revents & POLLOUT
				    ? sys_write(c->to, c->block + c->at, c->length - c->at)
				    : -EPIPE;
		if (n > 0)
			c->at += (size_t) n;

		return n >= 0 || n == -EAGAIN || n == -EINTR;
	}

	ssize_t n = sys_read(c->from, c->block, sizeof(c->block));
	c->at = 0;
	c->length = n > 0 ? (size_t) n : 0;

	return n > 0 || n == -EAGAIN || n == -EINTR;
}

static void copy_end(struct copy *c)
{
	c->from = -1;
	c->at = c->length = 0;
}

/* ---- the end of the input ---- */

/*
 * A pipe or a file has an end; a terminal has none, so its reader would wait for more. So tare
 * writes the terminal's VEOF character (create_options.input_ends) when the program has read all
 * input before it, and again when the program has read the previous VEOF, as read(2) at the end of
 * a file returns 0 each time. In the middle of a line the first VEOF only ends the line, and the
 * second VEOF is the end (termios(3)).
 *
 * No event reports that the program has read, so tare looks at growing intervals.
 */
#define END_NAP_MS	5
#define END_NAP_MOST_MS 200

static void end_begin(struct foreground *f)
{
	if (!f->create->options->input_ends || f->end_nap > 0)
		return;
	f->end_nap = END_NAP_MS;
	f->end_look = sys_clock_ms() + f->end_nap;
}

/*
 * 1 if there is input, or a VEOF, that the program has not read, which only the slave shows.
 * -errno: Linux before 4.13 opens the slave by paths alone, which the container can change.
 */
static int end_has_unread(int console)
{
	const long flags = O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

	autoclose int slave = sys_ioctl(console, TIOCGPTPEER, (void *) flags);
	if (slave < 0)
		return slave;

	return sys_poll(&(struct pollfd) { .fd = slave, .events = POLLIN }, 1, 0) != 0;
}

/*
 * The VEOF character; '\0' if there is none, or if the program reads single characters, to which
 * VEOF is a character like any other. The line editors of shells are an exception: they handle VEOF
 * themselves, clear ECHO and ICANON, and leave OPOST, which raw mode clears.
 */
static char end_character(int console)
{
	struct termios t;

	if (sys_ioctl(console, TCGETS, &t) < 0)
		return '\0';

	bool lines = t.c_lflag & ICANON;
	bool editor = !(t.c_lflag & (ICANON | ECHO)) && t.c_oflag & OPOST;

	return lines || editor ? (char) t.c_cc[VEOF] : '\0';
}

/* The input has ended: write a VEOF if one is needed now, and set the time of the next look. */
static void end_go_on(struct foreground *f)
{
	const int console = f->create->console;

	if (f->end_look == 0 || console < 0 || copy_has_block(&f->input))
		return;

	const int64_t now = sys_clock_ms();
	if (now < f->end_look)
		return;

	char end = end_character(console);
	int unread = end != '\0' ? end_has_unread(console) : 1;
	if (unread <= 0) {
		f->input.block[0] = f->input.block[1] = end;
		f->input.length = unread < 0 ? 2 : 1; /* the input may end within a line */
		f->input.at = 0;
	}
	/* VEOFs that no process reads must not fill the terminal. */
	bool last = unread < 0 && f->end_nap == END_NAP_MOST_MS;
	f->end_nap = f->end_nap * 2 < END_NAP_MOST_MS ? f->end_nap * 2 : END_NAP_MOST_MS;
	f->end_look = last ? 0 : now + f->end_nap;
}

/* ---- the loop ---- */

/* --stop-signal: an init ignores SIGTERM, or has another meaning for it. */
static int translate(const struct foreground *f, int signal)
{
	const int stop = f->create->options->stop_signal;
	bool asks = signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;

	return stop > 0 && asks ? stop : signal;
}

static void pass_signals(const struct foreground *f)
{
	struct signalfd_siginfo info;

	while (sys_read(f->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGWINCH && f->create->console >= 0)
			copy_size(f);
		else
			sys_pidfd_signal(f->create->pidfd, translate(f, (int) info.ssi_signo));
	}
}

enum { WATCH_END, WATCH_SIGNALS, WATCH_OUTPUT, WATCH_INPUT, WATCH_NOTIFY, WATCH_COUNT };

/* The other side of the console was closed, or our output was. */
static void close_console(struct foreground *f)
{
	copy_end(&f->output);
	copy_end(&f->input);
	sys_close(f->create->console);
	f->create->console = -1;
}

#define KILL_AFTER_MS 10000
#define TIMED_OUT     124 /* as timeout(1) exits */

/*
 * The timeout for poll(2), in milliseconds. After the first deadline the program gets SIGTERM,
 * after the second SIGKILL.
 */
static int keep_deadline(struct foreground *f)
{
	if (f->deadline == 0)
		return -1;

	int64_t left = f->deadline - sys_clock_ms();
	if (left > INT_MAX)
		return INT_MAX;
	if (left > 0)
		return (int) left;
	sys_pidfd_signal(f->create->pidfd, f->timed_out ? SIGKILL : translate(f, SIGTERM));
	f->deadline += f->timed_out ? INT_MAX : KILL_AFTER_MS;
	f->timed_out = true;

	return KILL_AFTER_MS;
}

/* The timeout for poll(2), in milliseconds. */
static int wait_time(struct foreground *f)
{
	int left = keep_deadline(f);

	if (f->end_look == 0 || f->create->console < 0 || copy_has_block(&f->input))
		return left;

	int64_t look = f->end_look - sys_clock_ms();
	if (look < 0)
		look = 0;

	return left < 0 || look < left ? (int) look : left;
}

/* False once the program has ended. */
static bool serve_once(struct foreground *f)
{
	struct create *c = f->create;
	struct pollfd fds[WATCH_COUNT] = {
		[WATCH_END] = { .fd = c->pidfd, .events = POLLIN },
		[WATCH_SIGNALS] = { .fd = f->signals, .events = POLLIN },
		[WATCH_OUTPUT] = copy_watch(&f->output),
		[WATCH_INPUT] = copy_watch(&f->input),
		[WATCH_NOTIFY] = { .fd = c->notify.in, .events = POLLIN },
	};

	if (sys_pidfd_poll(fds, ARRAY_SIZE(fds), wait_time(f)) < 0)
		return true;
	if (fds[WATCH_SIGNALS].revents != 0)
		pass_signals(f);
	if (fds[WATCH_NOTIFY].revents != 0)
		notify_pass(&c->notify);
	if (fds[WATCH_INPUT].revents != 0 && !copy_go_on(&f->input, fds[WATCH_INPUT].revents)) {
		copy_end(&f->input);
		end_begin(f);
	}
	if (fds[WATCH_OUTPUT].revents != 0 && !copy_go_on(&f->output, fds[WATCH_OUTPUT].revents))
		close_console(f);
	end_go_on(f);

	return fds[WATCH_END].revents == 0;
}

/* The container's process has ended, so a signal to end is now meant for tare itself. */
static bool is_asked_to_end(int signals)
{
	struct signalfd_siginfo info;

	while (sys_read(signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
		    info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT)
			return true;
	}

	return false;
}

/* Copy the last output of the program, which may still be in the pty. */
static void drain_console(struct foreground *f)
{
	for (;;) {
		struct pollfd fds[] = {
			copy_watch(&f->output),
			{ .fd = f->signals, .events = POLLIN },
		};
		int r = sys_poll(fds, ARRAY_SIZE(fds), copy_has_block(&f->output) ? -1 : 0);

		if (r == -EINTR)
			continue;
		if (r <= 0 || (fds[1].revents != 0 && is_asked_to_end(f->signals)))
			return;
		if (fds[0].revents == 0 && !copy_has_block(&f->output))
			return;
		if (fds[0].revents != 0 && !copy_go_on(&f->output, fds[0].revents))
			return;
	}
}

static int exit_code_of(int status)
{
	int signal = status & 0x7f;

	return signal != 0 ? 128 + signal : status >> 8 & 0xff;
}

static uint64_t microseconds(const struct sys_usage *usage)
{
	uint64_t seconds = (uint64_t) usage->user.seconds + (uint64_t) usage->system.seconds;

	return seconds * 1000000 +
	       (uint64_t) (usage->user.microseconds + usage->system.microseconds);
}

/* The cgroups still exist: they count all processes, wait4(2) only those that were reaped. */
static void report_end(const struct foreground *f, const struct sys_usage *usage, int code)
{
	const struct create_options *o = f->create->options;
	struct cgroup_stats stats = { .pids_current = 0 };
	struct run_event event = {
		.kind = RUN_EXITED,
		.exit_code = f->timed_out ? TIMED_OUT : code,
		/* A tare-init that stays exits with 128 + signal for a program that was killed. */
		.signal = code > 128 && code <= 128 + 64 ? code - 128 : 0,
		.timed_out = f->timed_out,
		.cpu_us = microseconds(usage),
		.peak_memory = (uint64_t) usage->max_rss * 1024,
	};
	struct arena a;

	if (!o->event)
		return;
	arena_open(&a);

	const char *const *cgroups = planned_cgroups(f->create->plan, &a);
	cgroup_stats_read(cgroups, &a, &stats);
	event.oom_killed = oom_count(cgroups);
	if (stats.cpu.total / 1000 > event.cpu_us)
		event.cpu_us = stats.cpu.total / 1000;
	if (stats.memory.usage.max > 0)
		event.peak_memory = stats.memory.usage.max;
	o->event(o->context, &event);
	arena_close(&a);
}

/*
 * The program has ended. With a tracer, wait4(2) reports that only after the tracer has waited for
 * it (ptrace(2)); if the tracer hangs, the exit code can't be read.
 */
static int wait_for_tracer(pid_t pid, struct err *e)
{
	for (int waited = 0; waited < TRACER_TIMEOUT_MS; waited += TRACER_NAP_MS) {
		if (sys_child_can_be_waited_for(pid))
			return 0;
		sys_poll(NULL, 0, TRACER_NAP_MS);
	}
	(void) err_msg(e, "wait for the container's process: its code can't be had");

	return unreaped_explain_one(pid, e);
}

int foreground_wait(struct create *c, int *exit_code, struct err *e)
{
	const uint64_t mask = foreground_signals();
	struct foreground f = { .create = c, .input.from = -1, .output.from = -1 };
	int status = 0;

	/* The program may run for long: write the warnings now. */
	log_flush();
	sys_signal_mask(SIG_SETMASK, &mask, NULL);
	autoclose int signals = sys_signalfd(&mask);
	if (signals < 0)
		return err_sys(e, signals, "watch for signals");
	f.signals = signals;
	if (c->options->timeout_ms > 0)
		f.deadline = sys_clock_ms() + c->options->timeout_ms;

	autoclose int output = c->console >= 0 ? open_output() : -1;
	if (c->console >= 0) {
		sys_set_status_flags(c->console, O_RDWR | O_NONBLOCK);
		f.input.from = 0;
		f.input.to = f.output.from = c->console;
		f.output.to = output >= 0 ? output : 1;
		make_raw(&f);
		copy_size(&f);
	}
	while (serve_once(&f))
		;
	drain_console(&f);
	restore(&f);

	if (wait_for_tracer(c->pid, e) < 0)
		return -1;

	struct sys_usage usage = { .max_rss = 0 };
	pid_t pid = sys_wait_usage(c->pid, &status, &usage);
	if (pid < 0)
		return err_sys(e, pid, "wait for the container's process");
	c->pid = 0;
	*exit_code = f.timed_out ? TIMED_OUT : exit_code_of(status);
	report_end(&f, &usage, exit_code_of(status));

	return 0;
}
