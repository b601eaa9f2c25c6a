/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netdev/netdev.h - move network devices from one namespace to another
 *
 * runtime-spec, config-linux.md#network-devices. Runs in tare, which has one thread: to make a
 * socket in another namespace, tare joins that namespace for a moment.
 *
 * All: 0, or -1 with @e set, unless said otherwise.
 */
#pragma once

#include "base/err.h"

#include <net/if.h>
#include <stdbool.h>

struct netdev_move {
	int from, to;	      /* descriptors of network namespaces */
	const char *name;     /* of the device, in @from */
	const char *passing;  /* its name during the move, which no other device has */
	const char *new_name; /* in @to; the kernel replaces `%d` by a free number */
	bool up;	      /* set it up in @to */
};

/* Our own network namespace: a descriptor, or -1. */
int netdev_own_namespace(struct err *e);

/* 1: there is a device @name in @ns, and @up says whether it is up; 0: there is none. */
int netdev_find(int ns, const char *name, bool *up, struct err *e);

/*
 * Move the device, with its permanent global addresses; @name gets its new name. A name that is
 * taken is an error. After a failure the device is in @from, unchanged.
 */
int netdev_move(const struct netdev_move *m, char name[IFNAMSIZ], struct err *e);
