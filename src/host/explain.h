/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/explain.h - the reason why a program could not be executed
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct hook_call;
struct wire_message;

/*
 * The tare-init @pid at the other end of @socket sent the failure @m. If it could not execute the
 * program: find the reason, add it to @e as a hint, and send GO, so that tare-init ends. Takes no
 * longer than two seconds.
 */
void exec_explain(pid_t pid, int socket, const struct wire_message *m, struct err *e);

/* hook_run(), with that reason as a hint. */
int hook_run_explained(const struct hook_call *hook, struct err *e);
