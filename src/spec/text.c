/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/text.c - the whole text of a file that a user names
 *
 * Runs in tare, before the first side effect. The file may be of any type: a shell's <(command) is
 * a pipe, whose writer may stop half-way, and a device may never end. So size and time have bounds.
 */
#include "spec/text.h"

#include "kernel/fd.h"
#include "kernel/sys.h"
#include "kernel/time.h"
#include "libocispec/decode.h"

#include <string.h>

#define FIRST_ROOM 65536

/* The text read so far. A full buffer is copied to one of twice the size. */
struct growing {
	char *text;
	size_t room, used;
};

static void grow(struct growing *g, struct arena *a)
{
	char *more = arena_alloc(a, g->room * 2);

	memcpy(more, g->text, g->used);
	g->text = more;
	g->room *= 2;
}

/* 1: @fd has bytes to read, or is at its end; 0: not until @deadline; -errno. */
static int wait_for_more(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = deadline - sys_clock_ms();
	int r = sys_poll(&p, 1, left > 0 ? (int) left : 0);

	return r == -EINTR ? 1 : r;
}

/* @timeout_ms 0: no poll(2) before each read(2). */
static int read_all(int fd, const char *what, int timeout_ms, struct arena *a, struct growing *g,
		    struct err *e)
{
	const int64_t deadline = timeout_ms > 0 ? sys_clock_ms() + timeout_ms : 0;

	for (;;) {
		int r = timeout_ms > 0 ? wait_for_more(fd, deadline) : 1;
		if (r == 0)
			return err_msg(e, "\"%s\" has not come to its end within %d s", what,
				       timeout_ms / 1000);

		ssize_t n = r < 0 ? r : sys_read(fd, g->text + g->used, g->room - g->used - 1);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n < 0)
			return err_sys(e, (int) n, "read \"%s\"", what);
		if (n == 0)
			break;
		g->used += (size_t) n;
		if (g->used > OCI_MAX_SIZE)
			return err_msg(e, "\"%s\" is larger than %zu bytes", what, OCI_MAX_SIZE);
		if (g->used == g->room - 1)
			grow(g, a);
	}
	g->text[g->used] = '\0';

	return 0;
}

static int begin_and_read(int fd, const char *what, int timeout_ms, struct arena *a, char **text,
			  size_t *length, struct err *e)
{
	struct growing g = { .text = arena_alloc(a, FIRST_ROOM), .room = FIRST_ROOM };

	if (read_all(fd, what, timeout_ms, a, &g, e) < 0)
		return -1;
	*text = g.text;
	*length = g.used;

	return 0;
}

/* A regular file's size is known, so one read(2) is enough. */
static int read_regular(int fd, const char *what, size_t size, struct arena *a, char **text,
			size_t *length, struct err *e)
{
	*text = arena_alloc(a, size + 1);

	ssize_t n = sys_read_all(fd, *text, size);
	if (n < 0)
		return err_sys(e, (int) n, "read \"%s\"", what);
	(*text)[n] = '\0';
	*length = (size_t) n;

	return 0;
}

int text_open(int dir, const char *name)
{
	return sys_open_at(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

int text_read(int fd, const char *what, bool may_be_pipe, struct arena *a, char **text,
	      size_t *length, struct err *e)
{
	struct stat st;
	int r = sys_stat(fd, &st);

	if (r < 0)
		return err_sys(e, r, "look at \"%s\"", what);
	if (may_be_pipe && S_ISFIFO(st.st_mode))
		return begin_and_read(fd, what, TEXT_TIMEOUT_MS, a, text, length, e);
	if (!S_ISREG(st.st_mode))
		return err_msg(e, "\"%s\" is not a regular file%s", what,
			       may_be_pipe ? " and not a pipe" : "");
	if ((size_t) st.st_size > OCI_MAX_SIZE)
		return err_msg(e, "\"%s\" is larger than %zu bytes", what, OCI_MAX_SIZE);

	return read_regular(fd, what, (size_t) st.st_size, a, text, length, e);
}

int text_read_input(int fd, const char *what, struct arena *a, char **text, size_t *length,
		    struct err *e)
{
	return begin_and_read(fd, what, 0, a, text, length, e);
}
