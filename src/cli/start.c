/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/start.c - `start ID`: let the program of a created container run
 */
#include "cli/verb.h"
#include "host/start.h"

static int perform(struct call *call, struct err *e)
{
	const char *notify_socket = env_value(call->env, "NOTIFY_SOCKET");

	return container_start(&call->root, call->id, notify_socket, call->arena, e);
}

const struct verb verb_start = {
	.name = "start",
	.arguments = "ID",
	.summary = "run the program of a created container",
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};
