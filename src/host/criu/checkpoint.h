/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/checkpoint.h - checkpoint: the state of a running container goes to files
 */
#pragma once

#include "heap/arena.h"
#include "host/criu/options.h"
#include "state/record.h"

struct checkpoint_call {
	const struct state_root *root;
	const char *id;
	const struct criu_options *options;
	const char *const *env; /* of tare itself */
};

/*
 * Save a running or paused container, and delete the container unless o->leave_running. On failure
 * the container stays as it was. @a: memory for the record and the request.
 */
int container_checkpoint(const struct checkpoint_call *call, struct arena *a, struct err *e);

/* Is CRIU installed, and does it work on this kernel? 0; or -1, and @e names what is missing. */
int container_check_criu(const char *const *env, struct arena *a, struct err *e);
