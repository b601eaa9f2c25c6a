/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/agent.h - SCMP_ACT_NOTIFY: the listener goes to the seccomp agent
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "state/record.h"

/*
 * Send the filter's listener and the state of the container in @rec to the agent: runtime-spec,
 * config-linux.md#containerprocessstate. Opens a connection of its own, and closes it.
 */
int agent_send(const struct record *rec, pid_t pid, enum container_status status, int listener,
	       struct arena *a, struct err *e);
