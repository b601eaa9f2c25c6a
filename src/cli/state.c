/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/state.c - `state ID`: what a container is doing, as JSON
 *
 * buildah and buildkit call it in a loop.
 */
#include "cli/verb.h"

#include "cli/containers.h"

static int refuse_unfinished(const struct call *call, enum container_status status, struct err *e)
{
	container_missing(e);
	if (status == STATUS_CREATING)
		return err_hint(e, "it is being created or deleted");

	return err_hint(e, "an interrupted create left traces: \"tare delete %s\" removes them",
			call->id);
}

static int perform(struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };
	struct container c;

	int r = container_read(&call->root, call->id, call->arena, &c, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return refuse_unfinished(call, c.status, e);
	container_print_json(&out, &c, true);
	out_text(&out, "\n");

	return finish_output(&out, e);
}

const struct verb verb_state = {
	.name = "state",
	.arguments = "ID",
	.summary = "print what a container is doing, as JSON",
	.least = 1,
	.most = 1,
	.takes_id = true,
	.prints = true,
	.perform = perform,
};
