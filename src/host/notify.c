/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/notify.c - sd_notify(3): pass the program's READY= on to tare's caller
 *
 * create makes the directory that the container sees. start, or run, listens in it before the
 * program runs. start passes READY= on from its own process, which the service manager knows, then
 * the program's pid. start waits until the manager has read both messages: the manager looks up the
 * sender by its pid, so the sender must still exist.
 */
#include "host/notify.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "heap/log.h"
#include "host/create/create.h"
#include "host/engine_socket.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "plan/plan.h"
#include "state/directory.h"
#include "state/journal.h"

#include <sys/socket.h>

#define BARRIER_TIMEOUT_MS 30000
#define MESSAGE_MAX	   4096

int notify_make(struct create *c, const struct step *s, struct err *e)
{
	(void) s;
	if (journal_notify(c->journal, e) < 0)
		return -1;

	int r = sys_mkdir_at(c->state_dir, STATE_NOTIFY, 0755);
	if (r == 0) /* whatever our umask is: the container's users must be able to search it */
		r = sys_chmod_at(c->state_dir, STATE_NOTIFY, 0755);
	if (r < 0)
		return err_sys(e, r, "make the directory for NOTIFY_SOCKET");

	return c->options->run ? notify_open(&c->notify, c->state_dir,
					     env_value(c->options->own_env, "NOTIFY_SOCKET"), e)
			       : 0;
}

/* ---- the two sockets ---- */

static int connect_to(const char *address)
{
	return address[0] == '@' ? sys_connect_abstract(address + 1, SOCK_DGRAM)
				 : socket_connect(address, SOCK_DGRAM);
}

static int listen_in(int dir)
{
	/* A start that failed may have left a socket. */
	int r = sys_unlink_at(dir, STATE_NOTIFY_SOCKET, 0);
	if (r < 0 && r != -ENOENT)
		return r;

	/*
	 * The socket is made with its mode: chmod(2) of its name could follow a link. The
	 * container's mount of this directory is read-only, but CAP_SYS_ADMIN can change that.
	 */
	mode_t ours = sys_umask(0);
	int socket = sys_bind_at(dir, STATE_NOTIFY_SOCKET, SOCK_DGRAM);

	sys_umask(ours);

	return socket;
}

void notify_close(struct notify *n)
{
	fd_close(&n->in);
	fd_close(&n->out);
	*n = (struct notify) NOTIFY_NONE;
}

int notify_open(struct notify *n, int dir, const char *address, struct err *e)
{
	struct stat st;

	if (!address || address[0] == '\0' ||
	    sys_stat_at(dir, STATE_NOTIFY, AT_SYMLINK_NOFOLLOW, &st) == -ENOENT)
		return 0;

	autoclose int out = connect_to(address);
	if (out < 0) {
		log_warning("connect to NOTIFY_SOCKET \"%s\": %s: nobody is told", address,
			    errno_text(-out));
		return 0;
	}

	autoclose int in = listen_in(dir);
	if (in < 0)
		return err_sys(e, in, "make the program's NOTIFY_SOCKET");
	n->in = take_fd(&in);
	n->out = take_fd(&out);

	return 0;
}

/* ---- messages of the program ---- */

static const char barrier[] = "BARRIER=1";

/* The line of @text that begins with READY=, terminated by a NUL; NULL: none. */
static const char *find_ready(char *text)
{
	static const char ready[] = "READY=";

	for (char *line; (line = strsep(&text, "\n"));)
		if (strncmp(line, ready, sizeof(ready) - 1) == 0)
			return line;

	return NULL;
}

static int say(const struct notify *n, const char *words, int fd, struct err *e)
{
	int r = sys_send_fd(n->out, words, strlen(words), fd);

	return r < 0 ? err_sys(e, r, "send to NOTIFY_SOCKET") : 0;
}

/* sd_notify_barrier(3): the receiver closes the descriptor once it has read all messages before. */
static int wait_for_barrier(const struct notify *n, struct err *e)
{
	int fds[2], r = sys_pipe(fds);

	if (r < 0)
		return err_sys(e, r, "make a pipe");

	autoclose int mine = fds[0], theirs = fds[1];
	if (say(n, barrier, theirs, e) < 0)
		return -1;
	fd_close(&theirs);
	theirs = -1;

	struct pollfd p = { .fd = mine, .events = POLLIN };
	r = sys_poll(&p, 1, BARRIER_TIMEOUT_MS);
	if (r == 0)
		return err_msg(e, "nobody has read NOTIFY_SOCKET within %d s",
			       BARRIER_TIMEOUT_MS / 1000);

	return r < 0 ? err_sys(e, r, "wait for who reads NOTIFY_SOCKET") : 0;
}

enum message { OTHER_MESSAGE, READY_MESSAGE, BARRIER_MESSAGE };

/*
 * READY= is passed on, and the first barrier behind it, which waits until the manager has read
 * READY=. The kind of what is passed on; -1.
 */
static int take_message(const struct notify *n, struct err *e)
{
	char text[MESSAGE_MAX + 1], words[MESSAGE_MAX + 2];
	/* A descriptor that comes with a message is closed: that also answers other barriers. */
	autoclose int fd = -1;
	ssize_t length = sys_receive_fd(n->in, text, MESSAGE_MAX, &fd);

	if (length < 0)
		return err_sys(e, (int) length, "read the program's NOTIFY_SOCKET");
	text[length] = '\0';
	if (n->is_ready && n->out >= 0 && fd >= 0 && strcmp(text, barrier) == 0)
		return say(n, barrier, fd, e) < 0 ? -1 : BARRIER_MESSAGE;

	const char *ready = n->is_ready ? NULL : find_ready(text);
	if (!ready)
		return OTHER_MESSAGE;
	fmt_text(words, sizeof(words), "%s\n", ready);

	return say(n, words, -1, e) < 0 ? -1 : READY_MESSAGE;
}

int notify_wait(const struct notify *n, pid_t pid, int pidfd, struct err *e)
{
	struct pollfd fds[2] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = n->in, .events = POLLIN },
	};
	char words[64];
	int r = OTHER_MESSAGE;

	while (r == OTHER_MESSAGE) {
		int ready = sys_pidfd_poll(fds, ARRAY_SIZE(fds), -1);

		if (ready < 0 && ready != -EINTR)
			return err_sys(e, ready, "wait for the program's NOTIFY_SOCKET");
		if (ready > 0 && fds[1].revents != 0)
			r = take_message(n, e);
		else if (ready > 0) /* the program has ended without READY= */
			return 0;
	}
	if (r < 0)
		return -1;
	fmt_text(words, sizeof(words), "MAINPID=%d\n", pid);

	return say(n, words, -1, e) < 0 ? -1 : wait_for_barrier(n, e);
}

void notify_pass(struct notify *n)
{
	struct err ignored;
	int r = take_message(n, &ignored);

	/*
	 * The pid is not sent, so the manager's main process stays tare. A failure to pass the
	 * message on is no failure of the program.
	 */
	if (r < 0)
		notify_close(n);
	n->is_ready |= r == READY_MESSAGE;
	if (r == BARRIER_MESSAGE) {
		fd_close(&n->out);
		n->out = -1;
	}
}
