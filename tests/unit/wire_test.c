/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/wire_test.c - what comes from a tare-init that somebody has taken over
 */
#include "wire/wire.h"

#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

/* A failure of which no text has an end. */
static struct wire_message endless(void)
{
	struct wire_message m;

	memset(&m, 'x', sizeof(m));
	m.kind = WIRE_FAILED;

	return m;
}

static void assert_ended(const struct wire_message *m)
{
	assert_int_equal(strnlen(m->error.place, ERR_PLACE), ERR_PLACE - 1);
	assert_int_equal(strnlen(m->error.text, ERR_TEXT), ERR_TEXT - 1);
	assert_int_equal(strnlen(m->error.hint, ERR_HINT), ERR_HINT - 1);
	assert_int_equal(strnlen(m->error.operation, sizeof(m->error.operation)),
			 sizeof(m->error.operation) - 1);
}

static void texts_of_a_message_have_an_end(void **state)
{
	struct wire_message sent = endless(), came;
	int pair[2], fd;

	(void) state;
	assert_int_equal(sys_socket_pair(pair), 0);
	assert_int_equal(sys_send_fd(pair[0], &sent, sizeof(sent), -1), 0);
	assert_int_equal(wire_receive(pair[1], &came, &fd), 1);
	assert_ended(&came);
	sys_close(pair[0]);
	sys_close(pair[1]);
}

static void a_message_of_another_size_is_none(void **state)
{
	struct wire_message sent = endless(), came;
	int pair[2], fd;

	(void) state;
	assert_int_equal(sys_socket_pair(pair), 0);
	for (size_t size = 1; size < sizeof(sent); size += 97) {
		assert_int_equal(sys_send_fd(pair[0], &sent, size, -1), 0);
		assert_int_equal(wire_receive(pair[1], &came, &fd), -EPROTO);
	}
	sys_close(pair[0]);
	sys_close(pair[1]);
}

static void send_with_two_descriptors(int socket)
{
	char room[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct wire_message sent = endless();
	struct iovec part = { .iov_base = &sent, .iov_len = sizeof(sent) };
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	const int fds[2] = { 0, 0 };

	CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, sizeof(fds));
	assert_int_equal(sendmsg(socket, &m, 0), sizeof(sent));
}

static void no_descriptor_comes_in_unnoticed(void **state)
{
	struct wire_message came;
	int pair[2], fd = -1, next;

	(void) state;
	assert_int_equal(sys_socket_pair(pair), 0);
	send_with_two_descriptors(pair[0]);
	assert_int_equal(wire_receive(pair[1], &came, &fd), 1);
	assert_int_equal(fd, pair[1] + 1);
	next = sys_dup(0, 0);
	assert_int_equal(next, fd + 1);
	sys_close(next);
	sys_close(fd);
	sys_close(pair[0]);
	sys_close(pair[1]);
}

static void texts_of_last_messages_have_an_end(void **state)
{
	struct wire_message written = endless(), came;
	autoclose int file = sys_memfd_create("test");

	(void) state;
	assert_int_equal(wire_last_message(file, &came), 0);
	assert_int_equal(sys_write_all(file, &written, sizeof(written)), 0);
	assert_int_equal(wire_last_message(file, &came), 1);
	assert_ended(&came);
}

static void last_message_in_a_pipe_is_not_waited_for(void **state)
{
	struct wire_message came;
	int ends[2];

	(void) state;
	assert_int_equal(sys_pipe(ends), 0);
	assert_true(wire_last_message(ends[0], &came) < 0);
	sys_close(ends[0]);
	sys_close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_a_message_have_an_end),
		cmocka_unit_test(a_message_of_another_size_is_none),
		cmocka_unit_test(no_descriptor_comes_in_unnoticed),
		cmocka_unit_test(texts_of_last_messages_have_an_end),
		cmocka_unit_test(last_message_in_a_pipe_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
