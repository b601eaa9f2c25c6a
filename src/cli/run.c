/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/run.c - `run ID`: create and start in one, and the program's exit code as ours
 */
#include "cli/verb.h"

#include "base/table.h"

static const struct flag rows[] = {
	{ "detach", 'd', false, FLAG_BOOL, offsetof(struct options, detach), NULL,
	  "return as soon as the program runs" },
	{ "keep", 0, false, FLAG_BOOL, offsetof(struct options, keep), NULL,
	  "do not delete the container when the program has ended" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int perform(struct call *call, struct err *e)
{
	struct create_options o = create_options_of(call);
	int exit_code;

	o.run = true;
	o.watch = watch_wishes_of(call);
	if (container_run(&o, &exit_code, call->arena, e) < 0)
		return -1;

	return exit_code;
}

const struct verb verb_run = {
	.name = "run",
	.arguments = "ID",
	.summary = "create a container, start it and wait for its end",
	.tables = { &create_flags, &watch_flags, &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform,
};
