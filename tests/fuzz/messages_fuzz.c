/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/messages_fuzz.c - what comes from tare-init, which a process of the container may trace
 */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "kernel/memory.h"
#include "wire/wire.h"

#include <sys/socket.h>
#include <unistd.h>

static void use(const struct wire_message *m)
{
	char line[ERR_TEXT + ERR_PLACE + ERR_HINT + 128];

	if (m->kind == WIRE_FAILED || m->kind == WIRE_WARNING)
		fuzz_check(err_line(&m->error, line, sizeof(line)) < sizeof(line));
}

/* With none, one or more descriptors, whatever the message is. */
static void send_all(int socket, const uint8_t *data, size_t size, size_t fds)
{
	char room[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { .iov_base = (void *) data, .iov_len = size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	const int numbers[4] = { 0 };

	if (fds > 0) {
		m.msg_control = room;
		m.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), numbers, fds * sizeof(int));
	}
	fuzz_check(sendmsg(socket, &m, 0) == (ssize_t) size);
}

static void receive(const uint8_t *data, size_t size)
{
	/* As large as needed, so that it is seen if more is written. */
	struct wire_message *m = malloc(sizeof(*m));
	int ends[2], fd = -1;

	fuzz_check(m && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	if (size > 0)
		send_all(ends[0], data, size, data[size - 1] % 5);
	close(ends[0]);
	if (wire_receive(ends[1], m, &fd) > 0)
		use(m);
	if (fd >= 0)
		close(fd);
	close(ends[1]);
	free(m);
}

static void last_message(const uint8_t *data, size_t size)
{
	struct wire_message *m = malloc(sizeof(*m));
	int file = sys_memfd_create("words");

	fuzz_check(m && file >= 0 && sys_write_all(file, data, size) == 0);
	if (wire_last_message(file, m) > 0)
		use(m);
	close(file);
	free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int next = fuzz_next_descriptor();

	receive(data, size < 65536 ? size : 65536);
	last_message(data, size);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
