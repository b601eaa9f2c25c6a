/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/netlink.c - rtnetlink(7): one request and all of its answer
 */
#include "kernel/netlink.h"

#include "kernel/socket.h"

#include <sys/socket.h>

/* The most that the kernel returns in one read of a dump. */
#define ANSWER_ROOM (32 << 10)

#define ANSWER_TIMEOUT 10 /* seconds */

void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *body,
		   size_t size)
{
	memset(q, 0, sizeof(*q));
	q->header.nlmsg_type = type;
	q->header.nlmsg_flags = NLM_F_REQUEST | flags;
	q->header.nlmsg_len = (uint32_t) NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(&q->header), body, size);
}

void netlink_add(struct netlink_request *q, uint16_t type, const void *data, size_t size)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);
	struct rtattr *attribute = (struct rtattr *) ((char *) &q->header + at);

	if (at + RTA_SPACE(size) > sizeof(q->header) + sizeof(q->room)) {
		q->cut = true;
		return;
	}
	attribute->rta_type = type;
	attribute->rta_len = (uint16_t) RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	q->header.nlmsg_len = (uint32_t) (at + RTA_LENGTH(size));
}

int netlink_open(void)
{
	int fd =
		(int) SYS_CALL(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0, 0, 0);
	if (fd < 0)
		return fd;

	int r = sys_set_timeout(fd, SYS_RECEIVE, ANSWER_TIMEOUT);
	if (r < 0) {
		sys_close(fd);
		return r;
	}

	return fd;
}

static long receive(int socket, void *buf, size_t size)
{
	long n;

	for (;;) {
		struct sockaddr_nl from = { 0 };
		int length = sizeof(from);

		n = SYS_CALL(recvfrom, socket, buf, size, MSG_TRUNC, &from, &length);
		/* another process may have sent it */
		if (n == -EINTR || (n >= 0 && from.nl_pid != 0))
			continue;
		break;
	}

	return n > (long) size ? -EMSGSIZE : n;
}

/* Take one message of the answer. True at the last one; *@result is then 0 or -errno. */
static bool take(const struct nlmsghdr *m, netlink_visitor *visit, void *context, int *result)
{
	int r;

	if (m->nlmsg_flags & NLM_F_DUMP_INTR)
		*result = -EAGAIN;
	if (m->nlmsg_type == NLMSG_DONE)
		return true;
	if (m->nlmsg_type == NLMSG_ERROR) {
		memcpy(&r, NLMSG_DATA(m), sizeof(r));
		if (r != 0)
			*result = r;
		return true;
	}
	r = visit ? visit(m, context) : 0;
	if (r != 0 && *result == 0)
		*result = r;

	return false;
}

static int send_request(int socket, struct netlink_request *q)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	long n;

	if (q->cut)
		return -EMSGSIZE;
	/* NLM_F_DUMP is two bits, and each alone is a flag of other requests. */
	if ((q->header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		q->header.nlmsg_flags |= NLM_F_ACK;
	do
		n = SYS_CALL(sendto, socket, &q->header, q->header.nlmsg_len, 0, &kernel,
			     sizeof(kernel));
	while (n == -EINTR);

	return n < 0 ? (int) n : 0;
}

int netlink_ask(int socket, struct netlink_request *q, netlink_visitor *visit, void *context)
{
	static char answer[ANSWER_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
	int result = send_request(socket, q);

	if (result < 0)
		return result;
	for (;;) {
		long n = receive(socket, answer, sizeof(answer));

		if (n < 0)
			return (int) n;

		unsigned left = (unsigned) n;
		for (const struct nlmsghdr *m = (const struct nlmsghdr *) answer; NLMSG_OK(m, left);
		     m = NLMSG_NEXT(m, left))
			if (take(m, visit, context, &result))
				return result;
	}
}
