/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/pause.c - `pause ID` and `resume ID`: stop all processes of a container for a while
 */
#include "cli/verb.h"
#include "host/pause.h"

static int perform_pause(struct call *call, struct err *e)
{
	return container_pause(&call->root, call->id, e);
}

static int perform_resume(struct call *call, struct err *e)
{
	return container_resume(&call->root, call->id, e);
}

const struct verb verb_pause = {
	.name = "pause",
	.arguments = "ID",
	.summary = "stop all processes of a container for a while",
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform_pause,
};

const struct verb verb_resume = {
	.name = "resume",
	.arguments = "ID",
	.summary = "let the processes of a paused container go on",
	.least = 1,
	.most = 1,
	.takes_id = true,
	.perform = perform_resume,
};
