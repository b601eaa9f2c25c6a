/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/netlink.h - rtnetlink(7): one request and all of its answer
 *
 * A socket belongs to the network namespace it was made in, whoever uses it later.
 */
#pragma once

#include "kernel/sys.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define NETLINK_ROOM 512

/* A request under construction. */
struct netlink_request {
	struct nlmsghdr header;
	char room[NETLINK_ROOM];
	bool cut; /* an attribute did not fit */
};

/* @flags beside NLM_F_REQUEST; @body is the part before the attributes. */
void netlink_begin(struct netlink_request *q, uint16_t type, uint16_t flags, const void *body,
		   size_t size);

void netlink_add(struct netlink_request *q, uint16_t type, const void *data, size_t size);

/*
 * A socket for rtnetlink; it waits no longer than ten seconds for an answer. The descriptor, or
 * -errno.
 */
int netlink_open(void);

/*
 * Called for each message of the answer. A result other than 0 is kept, and the answer is still
 * read to its end.
 */
typedef int netlink_visitor(const struct nlmsghdr *message, void *context);

/* Send @q, read all of the answer. @visit may be NULL. 0, the visitor's result, or -errno. */
int netlink_ask(int socket, struct netlink_request *q, netlink_visitor *visit, void *context);
