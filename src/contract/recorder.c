/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder.c - the process that receives a container's calls, counts and answers them
 *
 * seccomp_unotify(2). Each call waits for its answer, so the loop is short: receive, count, answer.
 * The recorder itself gives answers with an errno. A call that is allowed is continued by the
 * kernel; the recorder reads its number and arguments, and nothing else.
 */
#include "contract/recorder.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "contract/bpf.h"
#include "contract/tally.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "kernel/socket.h"
#include "kernel/time.h"

#include <linux/limits.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#define NAME	     "tare-recorder"
#define QUIET_MS     1000
#define WAIT_MS	     10000
#define MOST_OPEN    65536
#define MOST_AT_ONCE 64

/*
 * Linux 6.6: the kernel runs the recorder at once on the processor of the caller, and then the
 * caller again.
 */
#define SET_FLAGS    _IOW('!', 4, uint64_t)
#define SYNC_WAKE_UP 1

/* The messages of tare; each comes with a descriptor. */
enum word { WORD_LISTENER = 'l', WORD_SOCKET = 's', WORD_PROCESS = 'p', WORD_EVENTS = 'e' };

enum {
	FD_CONTROL = 3,
	FD_DIRECTORY,
	FD_FILE,
	FD_TEXT,
	FD_COUNTS,
	FD_VALUES,
	FD_STATE,
	FD_LINK,
	FD_FIRST_FREE,
};

#define FDS (FD_FIRST_FREE - FD_CONTROL)

struct state {
	const struct recorder_wishes *wishes;
	const char *name; /* of the record, in FD_DIRECTORY */
	char temporary[NAME_MAX + 1];
	bool attended; /* tare has sent the descriptor of the process */
	bool done;     /* the worker has seen the end of the calls */
	int listener, socket, process;
	int events;	/* cgroup.events of the container, if the kernel counts */
	bool tells_end; /* the listener reports the end of the last process: Linux 5.9 */
	struct tally *tally;
	char start[TIME_TEXT];
};

/* ---- answers ---- */

/* The profile's answer to a call: SECCOMP_RET_*. */
static uint32_t ask_profile(const struct state *s, const struct seccomp_data *data)
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

static bool is_permission(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static void answer(const struct state *s, const struct seccomp_notif *call, uint32_t what)
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

/* 1 with @call; 0: no call waits, or its caller has ended; -errno. */
static int receive(const struct state *s, struct seccomp_notif *call)
{
	/* The kernel demands that the structure is zeroed. */
	memset(call, 0, sizeof(*call));

	int r = sys_ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, call);

	return r == 0 ? 1 : r == -EINTR || r == -ENOENT ? 0 : r;
}

static void count_and_answer(struct state *s, const struct seccomp_notif *call)
{
	uint32_t what = ask_profile(s, &call->data);
	uint64_t args[6];

	for (int i = 0; i < 6; i++)
		args[i] = call->data.args[i];
	tally_add(s->tally, call->data.arch, call->data.nr, args, is_permission(what) ? 0 : what,
		  (pid_t) call->pid);
	answer(s, call, what);
}

/*
 * Receive all waiting calls before the first one is answered. Until a call is received, a signal
 * interrupts it, and a program whose handler has no SA_RESTART sees EINTR. False: the listener has
 * ended.
 */
static bool receive_calls(struct state *s)
{
	struct seccomp_notif calls[MOST_AT_ONCE];
	struct pollfd more = { .fd = s->listener, .events = POLLIN };
	size_t count = 0;
	int r;

	do {
		r = receive(s, &calls[count]);
		count += r > 0;
	} while (r >= 0 && count < MOST_AT_ONCE && sys_poll(&more, 1, 0) > 0 &&
		 more.revents & POLLIN);
	for (size_t i = 0; i < count; i++)
		count_and_answer(s, &calls[i]);

	return r >= 0;
}

/* ---- the worker ---- */

static void take_listener(struct state *s, int fd)
{
	struct timespec now;

	s->listener = fd;
	sys_clock_realtime(&now);
	time_text(s->start, &now, 3);
	sys_ioctl(fd, SET_FLAGS, (void *) (uintptr_t) SYNC_WAKE_UP);
}

/* False: tare has ended. */
static bool receive_from_tare(struct state *s)
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
static void receive_from_start(struct state *s)
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
static bool work_once(struct state *s, bool control)
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

/* Wait for two ends: of tare, which sends its messages before, and of all processes. */
static int wait_for_end(struct state *s)
{
	bool control = true;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = control ? FD_CONTROL : -1, .events = POLLIN },
			{ .fd = s->events, .events = POLLPRI },
		};

		if (sys_poll(fds, ARRAY_SIZE(fds), s->attended ? QUIET_MS : -1) < 0)
			continue;
		if (fds[0].revents != 0 && !receive_from_tare(s)) {
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

static int work(void *arg)
{
	struct state *s = arg;
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
		    !receive_from_tare(s)) {
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

/* ---- the guard ---- */

static void write_record(struct state *s, bool complete)
{
	if (s->wishes->counter)
		counter_read(FD_COUNTS, FD_VALUES, s->tally);
	else if (s->wishes->kills)
		counter_read_kills(FD_COUNTS, s->wishes->profile, s->tally);

	struct out out = { .fd = s->wishes->path ? FD_FILE : FD_TEXT };
	char end[TIME_TEXT];
	struct timespec now;

	sys_clock_realtime(&now);
	time_text(end, &now, 3);

	const struct tally_head head = {
		.backend = s->wishes->counter ? "bpf" : "notify",
		.command = s->wishes->command,
		.start = s->start,
		.end = end,
		.profile = s->wishes->profile != NULL,
		.complete = complete,
	};
	if (s->wishes->path)
		tally_write(s->tally, &head, s->wishes->only_refused, &out);
	else
		tally_tell(s->tally, &out);
	if (out_flush(&out) == 0 && s->wishes->path)
		sys_rename_at(FD_DIRECTORY, s->temporary, FD_DIRECTORY, s->name);
}

/* Nobody waits for the guard of a detached program, so no error is reported. */
static void remove_cgroup(const char *cgroup)
{
	const char *const dirs[] = { cgroup, NULL };
	struct err e;

	if (cgroup)
		(void) cgroup_remove(cgroup, dirs, &e);
}

/* Ignore the signals that would end a process of a session or of a service. */
static void settle(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	const uint64_t none = 0;

	sys_setsid();
	sys_reset_signals();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sys_ignore_signal(ignored[i]);
	sys_signal_mask(SIG_SETMASK, &none, NULL);
	sys_prctl(PR_SET_NAME, (unsigned long) NAME, 0);
	sys_chdir("/");

	/*
	 * The sooner a call is received, the fewer signals can interrupt it. Only root may raise
	 * the priority; an ordinary user keeps its own.
	 */
	const struct sys_sched_attr first = { .size = SYS_SCHED_ATTR_OLD, .nice = -20 };
	sys_sched_setattr(0, &first);

	/*
	 * The recorder has no memory limit of its own, so the kernel must not kill it when others
	 * use up the memory.
	 */
	autoclose int score = sys_open("/proc/self/oom_score_adj", O_WRONLY);
	if (score >= 0)
		sys_write_all(score, "-1000", 5);
}

/*
 * Close all descriptors of tare except those that this process needs, and move these to the numbers
 * FD_*.
 */
static int arrange(const int fds[FDS])
{
	int moved[FDS];

	for (int i = 0; i < FDS; i++) {
		moved[i] = fds[i] < 0 ? -1 : sys_dup(fds[i], FD_FIRST_FREE + FDS);
		if (fds[i] >= 0 && moved[i] < 0)
			return moved[i];
	}
	for (int i = 0; i < FDS; i++)
		if (moved[i] >= 0)
			sys_dup_keep(moved[i], FD_CONTROL + i);
		else
			sys_close(FD_CONTROL + i);

	autoclose int null = sys_open("/dev/null", O_RDWR);
	for (int i = 0; null >= 0 && i < 3; i++)
		sys_dup_keep(null, i);
	if (null >= 0 && null < FD_FIRST_FREE)
		take_fd(&null);
	sys_close_from(FD_FIRST_FREE, MOST_OPEN);

	return 0;
}

struct start_call {
	struct state *state;
	int fds[FDS];
};

static char worker_stack[64 * 1024] __attribute__((aligned(16)));

static void kill_next_caller(const struct state *s)
{
	struct seccomp_notif call;

	if (receive(s, &call) == 1)
		sys_kill((pid_t) call.pid, SIGKILL);
}

/*
 * The worker is dead, and the calls of the container wait. (If the kernel counts, no call waits for
 * the worker.) tare sends the descriptor of the process only after the exec, which is a call, too.
 * Until then the guard kills each process that makes a call. The guard must not end before: its end
 * would close the listener, and all calls would fail.
 */
static void kill_container(struct state *s)
{
	bool control = true;

	while (s->process < 0 && control) {
		struct pollfd fds[] = {
			{ .fd = FD_CONTROL, .events = POLLIN },
			{ .fd = s->listener, .events = POLLIN },
		};

		if (sys_poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[0].revents != 0)
			control = receive_from_tare(s);
		else if (fds[1].revents & POLLIN)
			kill_next_caller(s);
		else
			break;
	}
	if (s->process >= 0)
		sys_pidfd_signal(s->process, SIGKILL);
}

static int guard(void *arg)
{
	const struct start_call *b = arg;
	struct state *s = b->state;
	int status = -1;

	settle();
	if (s->wishes->counter) {
		struct timespec now;

		sys_clock_realtime(&now);
		time_text(s->start, &now, 3);
	}
	if (arrange(b->fds) < 0)
		return 1;

	pid_t worker = sys_clone_beside(CLONE_FILES, worker_stack, sizeof(worker_stack), work, s);
	if (worker > 0)
		sys_wait(worker, &status, 0);

	bool whole = status == 0;
	if (!whole && !s->wishes->counter)
		kill_container(s);
	if ((s->listener >= 0 || s->wishes->counter) && (s->done || !whole))
		write_record(s, whole);
	if (s->wishes->path)
		sys_unlink_at(FD_DIRECTORY, s->temporary, 0);
	remove_cgroup(s->wishes->cgroup);

	return whole ? 0 : 1;
}

/* ---- tare ---- */

/*
 * The record is made anew beside its place, like a pid file: in a directory where no other user can
 * put a file in its way.
 */
static int open_record(struct state *s, const char *path, int *dir, struct err *e)
{
	struct stat st;

	s->name = s->wishes->name;
	*dir = s->wishes->directory >= 0 ? sys_dup(s->wishes->directory, 0)
					 : output_directory(path, "record", &s->name, e);
	if (*dir < 0)
		return s->wishes->directory >= 0 ? err_sys(e, *dir, "record \"%s\"", path) : -1;
	if (s->name[0] == '\0' || fmt_text(s->temporary, sizeof(s->temporary), ".%s.%d", s->name,
					   sys_pid()) >= sizeof(s->temporary))
		return err_msg(e, "record \"%s\": it is no name of a file", path);
	if (sys_stat_at(*dir, s->name, AT_SYMLINK_NOFOLLOW, &st) == 0 && !S_ISREG(st.st_mode))
		return err_msg(e, "record \"%s\": %s is there", path,
			       S_ISDIR(st.st_mode)   ? "a directory"
			       : S_ISLNK(st.st_mode) ? "a link"
						     : "no regular file");
	sys_unlink_at(*dir, s->temporary, 0);

	int fd = sys_open_at(*dir, s->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, fd, "record \"%s\"", path) : fd;
}

static int start(struct recorder *r, struct state *s, const int fds[FDS - 1], struct err *e)
{
	const struct sys_clone clone = { .cgroup = -1 };
	struct start_call b = { .state = s };
	int ends[2], made = sys_socket_pair(ends);

	if (made < 0)
		return err_sys(e, made, "make a socket for the recorder");
	b.fds[0] = ends[1];
	memcpy(b.fds + 1, fds, (FDS - 1) * sizeof(*fds));
	r->pid = sys_clone_call(&clone, NULL, guard, &b);
	sys_close(ends[1]);
	if (r->pid < 0) {
		int failed = r->pid;

		r->pid = 0;
		sys_close(ends[0]);
		return err_sys(e, failed, "start the recorder");
	}
	r->socket = ends[0];

	return 0;
}

/* poll(2) reports the end of a filter from Linux 5.9 on. */
static bool kernel_tells_end(void)
{
	struct kernel_version version;
	struct utsname name;

	return sys_uname(&name) == 0 && kernel_version_read(name.release, &version) &&
	       kernel_version_has(&version, since_rows[SINCE_NOTIFY_END].version);
}

int recorder_start(struct recorder *r, const struct recorder_wishes *wishes, struct err *e)
{
	struct state s = {
		.wishes = wishes,
		.listener = -1,
		.socket = -1,
		.process = -1,
		.events = -1,
		.tells_end = kernel_tells_end(),
		.tally = tally_new(),
	};
	autoclose int dir = -1;
	autoclose int file = wishes->path ? open_record(&s, wishes->path, &dir, e) : -1;

	if (wishes->path && file < 0)
		return -1;
	if (!s.tally)
		return err_sys(e, -ENOMEM, "start the recorder");

	const struct counter none = COUNTER_NONE, *c = wishes->counter ? wishes->counter
						       : wishes->kills ? wishes->kills
								       : &none;
	const int fds[FDS - 1] = { dir,	     file,   wishes->path ? -1 : 2, c->counts, c->values,
				   c->state, c->link };
	int result = start(r, &s, fds, e);
	if (result < 0 && wishes->path)
		sys_unlink_at(dir, s.temporary, 0);
	tally_free(s.tally);

	return result;
}

static int give(const struct recorder *r, char word, int fd)
{
	return sys_send_fd(r->socket, &word, 1, fd);
}

int recorder_give_listener(const struct recorder *r, int listener)
{
	return give(r, WORD_LISTENER, listener);
}

int recorder_give_socket(const struct recorder *r, int socket)
{
	return give(r, WORD_SOCKET, socket);
}

int recorder_give_events(const struct recorder *r, int events)
{
	return give(r, WORD_EVENTS, events);
}

int recorder_attend(struct recorder *r, int pidfd)
{
	int result = give(r, WORD_PROCESS, pidfd);

	fd_close(&r->socket);
	r->socket = -1;

	/*
	 * If the program ended at once, the recorder may have finished, and the message finds no
	 * reader. The recorder's exit status then says whether that is an error.
	 */
	return result == -EPIPE || result == -ECONNRESET ? 0 : result;
}

void recorder_abandon(struct recorder *r)
{
	int status;

	if (r->pid <= 0)
		return;
	fd_close(&r->socket);
	r->socket = -1;
	sys_wait_within(r->pid, &status, WAIT_MS);
	r->pid = 0;
}

int recorder_wait(struct recorder *r, struct err *e)
{
	int status = 0;

	if (r->pid <= 0)
		return 0;

	int waited = sys_wait_within(r->pid, &status, WAIT_MS);
	r->pid = 0;
	if (waited == -ETIMEDOUT)
		return err_msg(e, "the recorder still records processes of the container");
	if (waited < 0 || status != 0)
		return err_msg(e, "the recorder was killed, so the container was: its record "
				  "breaks off");

	return 0;
}
