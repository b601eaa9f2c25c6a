/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder.c - the process that receives a container's calls, counts and answers them
 *
 * Two processes: the guard, a child of tare, and the worker, its child, which does the work
 * (recorder_loop.h). The guard writes the record at the end. If the worker is killed, the guard
 * kills the container.
 */
#include "contract/recorder.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "contract/bpf.h"
#include "contract/recorder_loop.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "kernel/socket.h"

#include <string.h>

#define NAME	  "tare-recorder"
#define WAIT_MS	  10000
#define MOST_OPEN 65536

/* ---- the guard ---- */

static void write_record(struct recorder_state *s, bool complete)
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

	/*
	 * The name is set last: a program that looks for recorders by their name finds only those
	 * that are ready.
	 */
	sys_prctl(PR_SET_NAME, (unsigned long) NAME, 0);
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
	struct recorder_state *state;
	int fds[FDS];
};

static char worker_stack[64 * 1024] __attribute__((aligned(16)));

static void kill_next_caller(const struct recorder_state *s)
{
	struct seccomp_notif call;

	if (recorder_receive_call(s, &call) == 1)
		sys_kill((pid_t) call.pid, SIGKILL);
}

/*
 * The worker is dead, and the calls of the container wait. (If the kernel counts, no call waits for
 * the worker.) tare sends the descriptor of the process only after the exec, which is a call, too.
 * Until then the guard kills each process that makes a call. The guard must not end before: its end
 * would close the listener, and all calls would fail.
 */
static void kill_container(struct recorder_state *s)
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
			control = recorder_receive_message(s);
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
	struct recorder_state *s = b->state;
	int status = -1;

	settle();
	if (s->wishes->counter) {
		struct timespec now;

		sys_clock_realtime(&now);
		time_text(s->start, &now, 3);
	}
	if (arrange(b->fds) < 0)
		return 1;

	pid_t worker =
		sys_clone_beside(CLONE_FILES, worker_stack, sizeof(worker_stack), recorder_work, s);
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
 * place a file of that name.
 */
static int open_record(struct recorder_state *s, const char *path, int *dir, struct err *e)
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

static int start(struct recorder *r, struct recorder_state *s, const int fds[FDS - 1],
		 struct err *e)
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
	struct recorder_state s = {
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
