/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/inspect.c - `inspect ID`: what isolation a container really has
 */
#include "host/inspect/inspect.h"

#include "base/table.h"
#include "cli/verb.h"

#define DRIFTS 2

static const struct flag rows[] = {
	{ "drift", 0, false, FLAG_BOOL, offsetof(struct options, drift), NULL,
	  "print only what is not as config.json asks" },
	{ "filters", 0, false, FLAG_BOOL, offsetof(struct options, filters), NULL,
	  "compare its seccomp filters, as root: the process is stopped for a moment" },
	{ "json", 0, false, FLAG_BOOL, offsetof(struct options, json), NULL,
	  "print a JSON object with an object for each row" },
	{ "pid", 0, false, FLAG_NUMBER, offsetof(struct options, pid), "N",
	  "of this process of the container, and not of the first" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int perform(struct call *call, struct err *e)
{
	const struct inspect_wishes wishes = {
		.json = call->options.json,
		.drift = call->options.drift,
		.filters = call->options.filters,
		.pid = (pid_t) call->options.pid,
	};
	int r = container_inspect(&call->root, call->id, &wishes, call->env, call->arena, e);

	return r > 0 && wishes.drift ? DRIFTS : r < 0 ? -1 : 0;
}

const struct verb verb_inspect = {
	.name = "inspect",
	.arguments = "ID",
	.summary = "print what isolation a container really has, and what was asked for",
	.tables = { &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.prints = true,
	.perform = perform,
};
