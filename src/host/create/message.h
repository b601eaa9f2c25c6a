/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/message.h - check tare-init's messages against the plan
 */
#pragma once

#include "plan/plan.h"
#include "wire/wire.h"

/*
 * How far the walk has come according to tare-init's messages; all zero before the first message.
 */
struct init_progress {
	size_t next; /* the first step that may still be in progress */
	/* such a message has come: each may come once */
	bool cloned, ready, console, last_message, notifier;
	unsigned asked, warned; /* messages for the step @next */
};

/*
 * May @m, with the descriptor @fd or -1, come now? It must fit the plan at this point and not come
 * twice, its step must be one that is left, and its descriptor of the right kind. On success @p is
 * updated. 0, or -1 with @e set: then another process than tare-init has sent it. @waits: the walk
 * ends at OP_WAIT_FOR_START. Always 0 for WIRE_FAILED.
 */
int message_check(struct init_progress *p, const struct plan *plan, bool waits,
		  const struct wire_message *m, int fd, struct err *e);

/* The step that a failure came from: @step, if that may have been in progress; else OP_SPAWN. */
size_t message_failed_step(const struct init_progress *p, const struct plan *plan, uint32_t step);

/* The end, past the last one, of the steps that tare-init may have begun by now. */
size_t message_end_of_turn(const struct init_progress *p, const struct plan *plan);

/*
 * As message_check(), for start, which has no plan: READY, and the filter's messages. @agent: the
 * container has an agent.
 */
int message_check_start(struct init_progress *p, bool agent, const struct wire_message *m, int fd,
			struct err *e);
