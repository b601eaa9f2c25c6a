/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/message.h - what tare-init says, held against the plan
 */
#pragma once

#include "plan/plan.h"
#include "wire/wire.h"

/* How far a walk has come, as far as it has been told; all zero before its first message. */
struct init_progress {
	size_t next; /* the first step that may still be done */
	bool cloned, ready, console, last_message, notifier; /* said already: each once at most */
	unsigned asked, warned;				     /* of the step next */
};

/*
 * May @m, with the descriptor @fd or -1, come now? The message is one of those that the plan has,
 * at its place, not twice; a step only of those that are left; a descriptor of the right kind. On
 * success what is told is in @h. 0, or -1 with @e set: then somebody else than tare-init has sent
 * it. @waits: the plan is done at OP_WAIT_FOR_START. For WIRE_FAILED it is always 0.
 */
int message_check(struct init_progress *p, const struct plan *plan, bool waits,
		  const struct wire_message *m, int fd, struct err *e);

/*
 * A step's number that came with a failure: itself, if it may have been at work; else that of
 * OP_SPAWN.
 */
size_t message_failed_step(const struct init_progress *p, const struct plan *plan, uint32_t step);

/*
 * The same for start, which knows no plan: READY, and what belongs to the filter. @agent: there is
 * one.
 */
int message_check_start(struct init_progress *p, bool agent, const struct wire_message *m, int fd,
			struct err *e);

/*
 * Kinds of descriptors. None of these calls is answered by a file system of somebody's (FUSE), who
 * could have us wait.
 */
bool message_is_memory(int fd);
bool message_is_terminal(int fd);
bool message_is_listener(int fd);
