/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/features.c - `features`: what tare can do, as the JSON document of runtime-spec
 *
 * CRI-O reads standard output and standard error as one text.
 */
#include "plan/features.h"

#include "cli/verb.h"
#include "host/criu/checkpoint.h"

static int perform(struct call *call, struct err *e)
{
	struct out out = { .fd = 1 };
	struct err reason;
	bool checkpoints = container_check_criu(call->env, call->arena, &reason) == 0;

	out_text(&out, features_json(checkpoints, call->arena));

	return finish_output(&out, e);
}

const struct verb verb_features = {
	.name = "features",
	.arguments = "",
	.summary = "print what tare can do, as JSON",
	.prints = true,
	.perform = perform,
};
