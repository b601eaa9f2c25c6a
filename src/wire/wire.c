/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/wire.c - messages between tare and tare-init
 *
 * Runs in both. The two call sendmsg(2) and recvmsg(2) only here.
 */
#include "wire/wire.h"

#include "kernel/socket.h"

#include <stddef.h>

#define DONE_TIMEOUT_MS 500

/* The size of a message without the struct err, which is most of it. */
#define SHORT_MESSAGE offsetof(struct wire_message, error)

int wire_send(int socket, enum wire_kind kind, size_t step, int fd)
{
	struct wire_message m = { .kind = kind, .step = (uint32_t) step };

	return sys_send_fd(socket, &m, SHORT_MESSAGE, fd);
}

static int send_error(int socket, enum wire_kind kind, size_t step, const struct err *e,
		      const char *program)
{
	struct wire_message m = { .kind = kind, .step = (uint32_t) step, .error = *e };
	bool fits = program && strlen(program) < sizeof(m.program);

	if (fits)
		memcpy(m.program, program, strlen(program) + 1);

	int r = sys_send_fd(socket, &m, sizeof(m), -1);

	return r == 0 && program && !fits ? -ENAMETOOLONG : r;
}

int wire_send_failure(int socket, size_t step, const struct err *failure, const char *program)
{
	return send_error(socket, WIRE_FAILED, step, failure, program);
}

int wire_send_warning(int socket, size_t step, const struct err *warning)
{
	return send_error(socket, WIRE_WARNING, step, warning, NULL);
}

bool wire_send_done(int socket, size_t step, const struct err *done)
{
	struct pollfd room = { .fd = socket, .events = POLLOUT };

	return sys_poll(&room, 1, DONE_TIMEOUT_MS) > 0 && room.revents & POLLOUT &&
	       send_error(socket, WIRE_DONE, step, done, NULL) == 0;
}

static bool has_error(const struct wire_message *m)
{
	return m->kind == WIRE_FAILED || m->kind == WIRE_WARNING || m->kind == WIRE_DONE;
}

/*
 * A process of the container may trace the sender: so no text of a message is trusted to have a
 * NUL.
 */
static void end_texts(struct wire_message *m)
{
	struct err *e = &m->error;

	e->place[ERR_PLACE - 1] = e->text[ERR_TEXT - 1] = e->hint[ERR_HINT - 1] = '\0';
	e->operation[sizeof(e->operation) - 1] = m->program[WIRE_PROGRAM - 1] = '\0';
}

int wire_receive(int socket, struct wire_message *m, int *fd)
{
	ssize_t n = sys_receive_fd(socket, m, sizeof(*m), fd);

	if (n <= 0)
		return (int) n;
	end_texts(m);
	if ((size_t) n != (has_error(m) ? sizeof(*m) : SHORT_MESSAGE))
		return -EPROTO;

	return 1;
}

int wire_last_message(int fd, struct wire_message *m)
{
	struct stat st;
	int r = sys_stat(fd, &st);

	/*
	 * An impostor could send a pipe, and read(2) would block: so only a regular file is read.
	 */
	if (r < 0 || !S_ISREG(st.st_mode))
		return r < 0 ? r : -EPROTO;

	ssize_t n = sys_seek(fd, 0, SEEK_SET) < 0 ? -EIO : sys_read_all(fd, m, sizeof(*m));
	if (n < 0)
		return (int) n;
	end_texts(m);
	m->program[0] = '\0'; /* only a process that still runs can be examined */

	return n == sizeof(*m) && m->kind == WIRE_FAILED;
}
