/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder_loop.c - the worker of the recorder: receive a call, count it, answer it
 *
 * seccomp_unotify(2). Each call waits for its answer, so the loop is short: receive, count, answer.
 * The worker itself gives answers with an errno. A call that is allowed is continued by the kernel;
 * the worker reads its number and arguments, and nothing else. If the kernel counts, no call is
 * received, and the worker only waits for the end.
 */
#include "contract/recorder_loop.h"

#include "base/table.h"
#include "contract/bpf.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/socket.h"

#include <string.h>
#include <sys/ioctl.h>

#define MOST_AT_ONCE 64

/*
 * Linux 6.6: the kernel runs the recorder at once on the processor of the caller, and then the
 * caller again.
 */
#define SET_FLAGS    _IOW('!', 4, uint64_t)
#define SYNC_WAKE_UP 1

/* ---- answers ---- */

/* The profile's answer to a call: SECCOMP_RET_*. */
static uint32_t ask_profile(const struct recorder_state *s, const struct seccomp_data *data)
{
	struct seccomp_question q = {
		.arch = data->arch,
		.number = data->nr,
		.known = 0x3f,
	};
	uint32_t result;

	if (!s->wishes->profile)
		return SECCOMP_RET_ALLOW;
	for (int i = 0; i < 6; i++)
		q.args[i] = data->args[i];

	return seccomp_answer(s->wishes->profile, &q, &result) ? result : SECCOMP_RET_ERRNO | EPERM;
}

/*
 * Would SIGSYS end the process? It would not if the process blocks, ignores or handles the signal,
 * or is the first of a pid namespace.
 */
static bool ends_by_sigsys(pid_t pid)
{
	static const char *const masks[] = { "\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t" };
	char status[4096];

	if (proc_read(pid, "status", status, sizeof(status)) <= 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		const char *at = strstr(status, masks[i]);

		/* 16 digits; SIGSYS is bit 30. */
		if (!at || strchr("4567cdef", at[strlen(masks[i]) + 8]))
			return false;
	}

	return proc_inner_pid(pid) > 1;
}

/* Only the kernel can kill in the way a filter does; a signal is the nearest substitute. */
static void kill_caller(pid_t pid)
{
	sys_kill(pid, ends_by_sigsys(pid) ? SIGSYS : SIGKILL);
}

static void answer(const struct recorder_state *s, const struct seccomp_notif *call, uint32_t what)
{
	struct seccomp_notif_resp response = { .id = call->id };

	switch (what & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		break;
	case SECCOMP_RET_ERRNO:
		response.error = -(int) (what & SECCOMP_RET_DATA);
		break;
	case SECCOMP_RET_TRACE:
		response.error = -ENOSYS;
		break;
	default:
		kill_caller((pid_t) call->pid);
		response.error = -EPERM;
	}
	/* -ENOENT: the caller has been killed meanwhile. */
	sys_ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int recorder_receive_call(const struct recorder_state *s, struct seccomp_notif *call)
{
	/* The kernel demands that the structure is zeroed. */
	memset(call, 0, sizeof(*call));

	int r = sys_ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, call);

	return r == 0 ? 1 : r == -EINTR || r == -ENOENT ? 0 : r;
}

static void count_and_answer(struct recorder_state *s, const struct seccomp_notif *call)
{
	uint32_t what = ask_profile(s, &call->data);
	uint64_t args[6];

	for (int i = 0; i < 6; i++)
		args[i] = call->data.args[i];
	tally_add(s->tally, call->data.arch, call->data.nr, args, what, (pid_t) call->pid);
	answer(s, call, what);
}

/*
 * Receive all waiting calls before the first one is answered. Until a call is received, a signal
 * interrupts it, and a program whose handler has no SA_RESTART sees EINTR. False: the listener has
 * ended.
 */
static bool receive_calls(struct recorder_state *s)
{
	struct seccomp_notif calls[MOST_AT_ONCE];
	struct pollfd more = { .fd = s->listener, .events = POLLIN };
	size_t count = 0;
	int r;

	do {
		r = recorder_receive_call(s, &calls[count]);
		count += r > 0;
	} while (r >= 0 && count < MOST_AT_ONCE && sys_poll(&more, 1, 0) > 0 &&
		 more.revents & POLLIN);
	for (size_t i = 0; i < count; i++)
		count_and_answer(s, &calls[i]);

	return r >= 0;
}

/* ---- the worker ---- */

static void take_listener(struct recorder_state *s, int fd)
{
	struct timespec now;

	s->listener = fd;
	sys_clock_realtime(&now);
	time_text(s->start, &now, 3);
	sys_ioctl(fd, SET_FLAGS, (void *) (uintptr_t) SYNC_WAKE_UP);
}

bool recorder_receive_message(struct recorder_state *s)
{
	char word;
	int fd;
	ssize_t n = sys_receive_fd(FD_CONTROL, &word, 1, &fd);

	if (n <= 0)
		return n == -EINTR;
	if (word == WORD_LISTENER && s->listener < 0)
		take_listener(s, fd);
	else if (word == WORD_SOCKET && s->socket < 0)
		s->socket = fd;
	else if (word == WORD_PROCESS && s->process < 0)
		s->process = fd;
	else if (word == WORD_EVENTS && s->events < 0)
		s->events = fd;
	s->attended |= word == WORD_PROCESS;

	return true;
}

/* `start` sends the listener in the same way as to an agent. */
static void receive_from_start(struct recorder_state *s)
{
	autoclose int connection = sys_accept(s->socket);
	char text[4096];
	int fd = -1;

	for (int i = 0; connection >= 0 && s->listener < 0 && i < 64; i++) {
		if (sys_receive_fd(connection, text, sizeof(text), &fd) <= 0)
			break;
		if (fd >= 0)
			take_listener(s, fd);
	}
}

enum { WATCH_PROCESS, WATCH_CONTROL, WATCH_SOCKET, WATCH_LISTENER, WATCH_COUNT };

/* False: the container has made its last call. */
static bool work_once(struct recorder_state *s, bool control)
{
	bool ended = s->process >= 0 && !s->tells_end;
	struct pollfd fds[WATCH_COUNT] = {
		[WATCH_PROCESS] = { .fd = s->listener < 0 || ended ? s->process : -1,
				    .events = POLLIN },
		[WATCH_CONTROL] = { .fd = control ? FD_CONTROL : -1, .events = POLLIN },
		[WATCH_SOCKET] = { .fd = s->listener < 0 ? s->socket : -1, .events = POLLIN },
		[WATCH_LISTENER] = { .fd = s->listener, .events = POLLIN },
	};
	int r = sys_pidfd_poll(fds, WATCH_COUNT, -1);

	if (r < 0)
		return r == -EINTR;
	if (fds[WATCH_LISTENER].revents & POLLIN)
		return receive_calls(s);
	if (fds[WATCH_LISTENER].revents != 0)
		return false;
	if (fds[WATCH_SOCKET].revents != 0)
		receive_from_start(s);
	if (fds[WATCH_PROCESS].revents == 0)
		return true;
	/* The container was never started. */
	if (s->listener < 0)
		return false;
	fds[WATCH_PROCESS].fd = -1;

	return sys_poll(&fds[WATCH_LISTENER], 1, QUIET_MS) > 0 && receive_calls(s);
}

/* ---- the kernel counts ---- */

/* Is there a process in the container's cgroup, or below? A cgroup that was removed has none. */
static bool is_populated(int events)
{
	static const char key[] = "populated ";
	char text[256];
	ssize_t n = sys_read_all_at(events, 0, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';

	const char *at = strstr(text, key);

	return at && at[sizeof(key) - 1] == '1';
}

/*
 * Wait for two ends: of tare, which sends its messages before, and of all processes.
 *
 * The kernel reports a change of cgroup.events at most every 10 ms, a later one never if tare has
 * removed the cgroup by then. So the end of the container's process is waited for as well, and
 * from then on the file is read again soon, and less often as time goes by.
 */
static int wait_for_end(struct recorder_state *s)
{
	bool control = true, running = true;
	int wait_ms = QUIET_MS;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = running ? s->process : -1, .events = POLLIN },
			{ .fd = control ? FD_CONTROL : -1, .events = POLLIN },
			{ .fd = s->events, .events = POLLPRI },
		};

		if (sys_pidfd_poll(fds, ARRAY_SIZE(fds), s->attended ? wait_ms : -1) < 0)
			continue;
		if (fds[0].revents != 0) {
			running = false;
			wait_ms = SOON_MS;
		} else if (!running && wait_ms < QUIET_MS) {
			wait_ms *= 2;
		}
		if (fds[1].revents != 0 && !recorder_receive_message(s)) {
			if (!s->attended)
				return 0;
			control = false;
		}
		if (s->attended && (s->events < 0 || !is_populated(s->events)))
			break;
	}
	s->done = counter_has_begun(FD_STATE);

	return 0;
}

int recorder_work(void *arg)
{
	struct recorder_state *s = arg;
	bool control = true;

	if (s->wishes->counter)
		return wait_for_end(s);

	for (;;) {
		struct pollfd word = { .fd = control ? FD_CONTROL : -1, .events = POLLIN };

		/*
		 * The messages of tare are read first; this costs nothing once tare has sent them
		 * all.
		 */
		if (control && sys_poll(&word, 1, s->listener < 0 && !s->attended ? -1 : 0) > 0 &&
		    !recorder_receive_message(s)) {
			if (!s->attended)
				return 0;
			control = false;
		}
		if ((s->listener >= 0 || s->attended) && !work_once(s, control))
			break;
	}
	s->done = true;

	return 0;
}
