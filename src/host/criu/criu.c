/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/criu.c - CRIU and tare-criu: how they are started, asked and ended
 */
#include "host/criu/criu.h"

#include "base/fmt.h"
#include "base/table.h"
#include "host/criu/cgroups.h"
#include "host/program.h"
#include "kernel/fd.h"
#include "kernel/helper.h"
#include "kernel/memory.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "kernel/time.h"

#define PATH_SIZE 4096

/* CRIU undoes a dump or restore within this time after our end of the socket is closed. */
#define CRIU_ENDING_MS 10000

/* ---- a request ---- */

static void add_word(struct criu_request *r, const char *word)
{
	size_t length = strlen(word) + 1;

	if (r->length + length > r->room) {
		size_t room = 2 * (r->room + length) + 1024;
		char *words = arena_alloc(r->arena, room);

		if (r->length > 0)
			memcpy(words, r->words, r->length);
		r->words = words;
		r->room = room;
	}
	memcpy(r->words + r->length, word, length);
	r->length += length;
}

void criu_request_begin(struct criu_request *r, const char *kind, struct arena *a)
{
	*r = (struct criu_request) { .arena = a };
	add_word(r, kind);
}

void criu_add(struct criu_request *r, const char *option, const char *value, const char *second)
{
	add_word(r, option);
	add_word(r, value);
	add_word(r, second);
}

void criu_add_number(struct criu_request *r, const char *option, long long value)
{
	char text[24];

	fmt_text(text, sizeof(text), "%lld", value);
	criu_add(r, option, text, "");
}

void criu_add_flag(struct criu_request *r, const char *option, bool on)
{
	if (on)
		criu_add(r, option, "1", "");
}

/* ---- starting CRIU and tare-criu ---- */

static int lacks_criu(struct err *e)
{
	(void) err_msg(e, "\"criu\": executable file not found in $PATH");

	return err_hint(e, "install the package criu: checkpoints are made by CRIU");
}

struct child {
	const char *path;
	const char *const *argv, *const *envp;
	const struct criu_start *start;
	int socket;  /* becomes descriptor 3; CRIU: where the other end of its own pair goes */
	int stdio;   /* becomes descriptors 0, 1 and 2; -1: they stay */
	int input;   /* tare-criu: descriptor 0 */
	int failure; /* a pipe for the struct err of what went wrong before the exec */
};

static void child_fails(const struct child *c, const struct err *e)
{
	sys_write_all(c->failure, e, sizeof(*e));
	sys_exit(1);
}

#define BEHIND (CRIU_FIRST_FD + CRIU_FDS)

/*
 * Move the descriptors to the numbers that CRIU expects. All are first copied to numbers from
 * BEHIND on, so that no copy closes a descriptor which is still needed. @directories: -1 where
 * there is none. Returns the new number of the pipe for failures, or -errno.
 */
static int arrange(const struct child *c, int socket, const int directories[2])
{
	const struct criu_start *s = c->start;
	int fds[2 + CRIU_FDS] = { directories[0], directories[1] };
	size_t count = s ? 2 + s->fd_count : 0;
	int failure = sys_dup(c->failure, BEHIND);

	if (s)
		memcpy(fds + 2, s->fds, sizeof(s->fds));
	socket = sys_dup(socket, BEHIND);
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0 && (fds[i] = sys_dup(fds[i], BEHIND)) < 0)
			return fds[i];
	if (socket < 0 || failure < 0)
		return socket < 0 ? socket : failure;
	for (int fd = 0; fd < 3 && c->stdio >= 0; fd++)
		sys_dup_keep(fd == 0 && c->input >= 0 ? c->input : c->stdio, fd);
	sys_cloexec_from(3);
	sys_dup_keep(socket, 3);
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			sys_dup_keep(fds[i], CRIU_IMAGES_FD + (int) i);

	return failure;
}

/*
 * CRIU's end of a socket pair, which CRIU's process must make itself (criu.h); the other end is
 * sent to tare.
 */
static int make_own_socket(const struct child *c, struct err *e)
{
	int ends[2], r = sys_socket_pair(ends);

	if (r == 0)
		r = sys_send_fd(c->socket, "", 1, ends[0]);

	return r < 0 ? err_sys(e, r, "make the socket pair of CRIU") : ends[1];
}

static int open_directory(const char *path, int *fd, struct err *e)
{
	*fd = path ? sys_open(path, O_RDONLY | O_DIRECTORY) : -1;

	return path && *fd < 0 ? err_sys(e, *fd, "open the directory \"%s\"", path) : 0;
}

/*
 * In a new user namespace CRIU is at first nobody and then another user, and neither may enter a
 * directory of root's with mode 0700. So the images are covered, in CRIU's mount namespace only,
 * with an overlay of the same directory whose upper layer has mode 0711. Without overlayfs the
 * directory stays as it is.
 */
static void open_images_to_all(const char *images)
{
	char options[160];

	autoclose int below = sys_open(images, O_PATH | O_DIRECTORY);
	if (below < 0 || sys_mount("tmpfs", images, "tmpfs", 0, "mode=700") < 0)
		return;

	autoclose int above = sys_open(images, O_PATH | O_DIRECTORY);
	if (above >= 0 && sys_mkdir_at(above, "work", 0700) == 0 &&
	    sys_mkdir_at(above, "upper", 0711) == 0 && sys_chmod_at(above, "upper", 0711) == 0) {
		fmt_text(options, sizeof(options),
			 "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d/upper,"
			 "workdir=/proc/self/fd/%d/work",
			 below, above, above);
		if (sys_mount("overlay", images, "overlay", 0, options) == 0)
			return;
	}
	sys_umount(images, MNT_DETACH);
}

/*
 * The work directory is opened first: it may be the directory of the images, which
 * open_images_to_all() covers with memory, and CRIU's files must be written to the disk.
 */
static int open_directories(const struct criu_start *s, int fds[2], struct err *e)
{
	if (open_directory(s->work, &fds[1], e) < 0)
		return -1;
	if (s->yard && cgroups_make_yard(fds[1], s->yard, e) < 0)
		return -1;
	if (s->images_for_all)
		open_images_to_all(s->images);

	return open_directory(s->images, &fds[0], e);
}

/*
 * Later mounts of the host still propagate to this mount namespace; no mount propagates from here
 * to the host.
 */
static int leave_host_mounts(struct err *e)
{
	int r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);

	return r < 0 ? err_sys(e, r, "make CRIU's mounts its own") : 0;
}

/* The socket that becomes descriptor 3, or -1. */
static int prepare_criu(const struct child *c, int directories[2], struct err *e)
{
	const struct criu_start *s = c->start;

	if (s->own_mounts && leave_host_mounts(e) < 0)
		return -1;
	if ((s->prepare && s->prepare(s->context, e) < 0) ||
	    open_directories(s, directories, e) < 0)
		return -1;

	return make_own_socket(c, e);
}

static int become(void *arg)
{
	struct child *c = arg;
	const struct criu_start *s = c->start;
	int directories[2] = { -1, -1 }, socket = c->socket;
	struct err e;

	sys_reset_signals();
	/*
	 * A process group of CRIU's own: Ctrl-C on the terminal is a signal for tare only. With
	 * keep_stdio CRIU stays in the group, as a background group may not use the terminal.
	 */
	if (!s || !s->keep_stdio)
		sys_setpgid(0, 0);
	if (s && (socket = prepare_criu(c, directories, &e)) < 0)
		child_fails(c, &e);

	int failure = arrange(c, socket, directories);
	int r = failure < 0 ? failure : sys_exec(c->path, c->argv, c->envp);

	if (failure >= 0)
		c->failure = failure;
	(void) err_sys(&e, r, "execute \"%s\"", c->path);
	child_fails(c, &e);

	return 1;
}

/* Start the program of @c. Returns the pid once the program has been executed, or -1. */
static pid_t start_child(struct child *c, const struct sys_clone *clone, int *pidfd, struct err *e)
{
	int ends[2], status, r = sys_pipe(ends);

	if (r < 0)
		return err_sys(e, r, "make a pipe");

	autoclose int ours = ends[0];
	c->failure = ends[1];
	pid_t pid = sys_clone_call(clone, pidfd, become, c);
	sys_close(ends[1]);
	if (pid < 0)
		return err_sys(e, pid, "start \"%s\"", c->path);

	struct err failure;
	if (sys_read_all(ours, &failure, sizeof(failure)) != sizeof(failure))
		return pid;
	*e = failure;
	sys_wait(pid, &status, 0);
	fd_close(pidfd);
	*pidfd = -1;

	return -1;
}

int criu_begin(struct criu *c, const struct criu_start *start, struct arena *a, struct err *e)
{
	static const char *const argv[] = { "criu", "swrk", "3", NULL };
	const struct sys_clone clone = {
		.flags = start->own_mounts ? CLONE_NEWNS : 0,
		.cgroup = start->cgroup,
	};
	struct child child = {
		.path = find_program("criu", start->env, a),
		.argv = argv,
		.envp = start->env,
		.start = start,
		.input = -1,
	};
	int sockets[2];

	*c = (struct criu) CRIU_NONE;
	if (!child.path)
		return lacks_criu(e);

	autoclose int null = start->keep_stdio ? -1 : sys_open("/dev/null", O_RDWR);
	child.stdio = null;

	int r = sys_socket_pair(sockets);
	if (r < 0)
		return err_sys(e, r, "make a socket pair");

	autoclose int ours = sockets[0];
	child.socket = sockets[1];
	c->pid = start_child(&child, &clone, &c->pidfd, e);
	sys_close(sockets[1]);
	if (c->pid < 0) {
		c->pid = 0;
		return -1;
	}

	char byte;
	if (sys_receive_fd(ours, &byte, 1, &c->socket) == 1 && c->socket >= 0)
		return 0;
	criu_end(c);

	return err_msg(e, "criu ended before it began");
}

void criu_end(struct criu *c)
{
	int status;

	fd_close(&c->socket);
	c->socket = -1;
	if (c->pid > 0 && sys_wait_within(c->pid, &status, CRIU_ENDING_MS) != c->pid) {
		sys_pidfd_signal(c->pidfd, SIGKILL);
		sys_wait(c->pid, &status, 0);
	}
	c->pid = 0;
	fd_close(&c->pidfd);
	c->pidfd = -1;
}

/* ---- one request to tare-criu ---- */

static int begin_helper(int socket, int input, int output, pid_t *pid, int *pidfd, struct err *e)
{
	static const char *const argv[] = { "tare-criu", NULL }, *const envp[] = { NULL };
	char path[PATH_SIZE];
	struct child child = {
		.path = path,
		.argv = argv,
		.envp = envp,
		.socket = socket,
		.stdio = output,
		.input = input,
	};

	if (helper_find("tare-criu", TARE_CRIU, path, sizeof(path)) < 0) {
		(void) err_msg(e, "the program tare-criu is not installed");
		return err_hint(e, "it belongs to \"%s\", and speaks to CRIU for tare", TARE_CRIU);
	}
	*pid = start_child(&child, &(struct sys_clone) { .cgroup = -1 }, pidfd, e);

	return *pid < 0 ? -1 : 0;
}

/* ---- the lines of tare-criu ---- */

#define LINE 2048

/* The number at the start of *@text; *@text then points behind the number and its blank. */
static long long take_number(const char **text)
{
	const char *at = *text;
	bool negative = *at == '-';
	long long n = 0;

	for (at += negative; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (*at - '0');
	*text = *at == ' ' ? at + 1 : at;

	return negative ? -n : n;
}

static int take_failure(const char *text, struct criu_result *result, struct err *e)
{
	result->failure = (int) take_number(&text);
	if (text[0])
		(void) err_msg(e, "criu failed: %s", text);
	else if (result->failure > 0)
		(void) err_msg(e, "criu failed: %s", errno_text(result->failure));
	else
		(void) err_msg(e, "criu failed");

	return -1;
}

static int answer_question(int socket, const struct criu_talk *talk, char *text, int fd,
			   struct err *e)
{
	char *name = text, *blank = strchr(text, ' ');
	const char *rest = blank ? blank + 1 : "";

	if (blank)
		*blank = '\0';

	pid_t pid = (pid_t) take_number(&rest);
	int done = talk->notified ? talk->notified(talk->context, name, pid, fd, e) : 0;
	int r = sys_send_fd(socket, done < 0 ? "0" : "1", 1, -1);

	if (done < 0)
		return -1;

	/* If tare-criu has ended, the next read from its socket reports that. */
	return r < 0 && r != -EPIPE && r != -ECONNRESET ? err_sys(e, r, "answer CRIU") : 0;
}

static const struct {
	const char *word;
	bool last; /* the last line of the talk */
} said[] = {
	{ "notify ", false },  { "done ", true },   { "version ", true },
	{ "features ", true }, { "failed ", true }, { "lost ", true },
};

enum { SAID_NOTIFY, SAID_DONE, SAID_VERSION, SAID_FEATURES, SAID_FAILED, SAID_LOST };

/* Handle one line of tare-criu. 1: more lines follow; 0: done; -1. */
static int take_message(int socket, const struct criu_talk *talk, char *text, int fd,
			struct criu_result *result, struct err *e)
{
	const char *rest = text;
	size_t kind = 0;

	while (kind < ARRAY_SIZE(said) &&
	       strncmp(text, said[kind].word, strlen(said[kind].word)) != 0)
		kind++;
	if (kind == ARRAY_SIZE(said))
		/* The text comes from the dynamic linker, if a library is missing. */
		return err_msg(e, "tare-criu: %.*s", (int) strcspn(text, "\n"), text);
	rest += strlen(said[kind].word);
	switch (kind) {
	case SAID_NOTIFY:
		return answer_question(socket, talk, text + (rest - text), fd, e) < 0 ? -1 : 1;
	case SAID_DONE:
		result->pid = (pid_t) take_number(&rest);
		return 0;
	case SAID_VERSION:
		result->major = (unsigned) take_number(&rest);
		result->minor = (unsigned) take_number(&rest);
		result->sublevel = (unsigned) take_number(&rest);
		return 0;
	case SAID_FEATURES:
		result->mem_track = take_number(&rest) != 0;
		result->lazy_pages = take_number(&rest) != 0;
		return 0;
	case SAID_FAILED:
		return take_failure(rest, result, e);
	default:
		return err_msg(e, "criu ended before it was done");
	}
}

static int next_line(int socket, int interrupt, char line[LINE], int *fd, struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = socket, .events = POLLIN },
		{ .fd = interrupt, .events = POLLIN },
	};
	int r;

	do
		r = sys_poll(fds, ARRAY_SIZE(fds), -1);
	while (r == -EINTR);
	if (fds[1].revents != 0 && fds[0].revents == 0)
		return err_msg(e, "interrupted by a signal, while waiting for CRIU");

	ssize_t n = r < 0 ? r : sys_receive_fd(socket, line, LINE - 1, fd);
	if (n < 0)
		return err_sys(e, (int) n, "read from tare-criu");
	if (n == 0)
		return err_msg(e, "tare-criu ended before CRIU was done");
	line[n] = '\0';

	return 0;
}

static int talk_on(int socket, const struct criu_talk *talk, struct criu_result *result,
		   struct err *e)
{
	char line[LINE];
	int r = 1;

	while (r > 0) {
		autoclose int fd = -1;

		if (next_line(socket, talk->interrupt, line, &fd, e) < 0)
			return -1;
		r = take_message(socket, talk, line, fd, result, e);
	}

	return r;
}

int criu_ask(struct criu *c, const struct criu_request *request, const struct criu_talk *talk,
	     struct criu_result *result, struct err *e)
{
	int sockets[2], status, pidfd = -1;
	pid_t pid;

	*result = (struct criu_result) { .pid = 0 };

	autoclose int input = sys_memfd_create("tare-criu");
	int r = input < 0 ? input : sys_write_all(input, request->words, request->length);
	if (r == 0) {
		sys_seek(input, 0, SEEK_SET);
		r = sys_socket_pair(sockets);
	}
	if (r < 0)
		return err_sys(e, r, "make a file for tare-criu");

	autoclose int ours = sockets[0];
	r = begin_helper(c->socket, input, sockets[1], &pid, &pidfd, e);
	sys_close(sockets[1]);
	if (r < 0)
		return -1;
	r = talk_on(ours, talk, result, e);

	/*
	 * tare-criu may be killed, as it has nothing to undo. CRIU undoes its work when tare-criu's
	 * and our end of the socket are closed.
	 */
	if (r < 0)
		sys_pidfd_signal(pidfd, SIGKILL);
	sys_close(c->socket);
	c->socket = -1;
	sys_wait(pid, &status, 0);
	fd_close(&pidfd);

	return r;
}

/* ---- short questions ---- */

static int ask_shortly(const char *kind, const char *const *env, struct criu_result *result,
		       struct arena *a, struct err *e)
{
	const struct criu_start start = { .env = env, .cgroup = -1 };
	const struct criu_talk talk = { .interrupt = -1 };
	struct criu_request request;
	struct criu c;

	criu_request_begin(&request, kind, a);
	if (criu_begin(&c, &start, a, e) < 0)
		return -1;

	int r = criu_ask(&c, &request, &talk, result, e);
	criu_end(&c);

	return r;
}

int criu_version(const char *const *env, struct criu_result *result, struct arena *a, struct err *e)
{
	return ask_shortly("version", env, result, a, e);
}

int criu_features(const char *const *env, struct criu_result *result, struct arena *a,
		  struct err *e)
{
	return ask_shortly("features", env, result, a, e);
}
