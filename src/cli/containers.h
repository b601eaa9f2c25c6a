/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/containers.h - the containers of the root directory, read without a lock
 *
 * Nothing here takes a lock: a record is replaced by rename(2), so it is always read whole, and
 * `list` must not wait for a create whose hooks take their time.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "heap/out.h"
#include "state/record.h"

#include <stddef.h>

struct container_ids {
	const char *const *items; /* sorted */
	size_t count;
};

struct container {
	struct record record;
	enum container_status status;
	pid_t pid;	   /* 0: stopped */
	const char *owner; /* escaped for printing */
};

/*
 * The names in @root that are IDs of containers. A default root that does not exist counts as
 * empty. 0, or -1 with @e set.
 */
int containers_find(const struct state_root *root, struct arena *a, struct container_ids *ids,
		    struct err *e);

/*
 * Read a container, with owner "". 1; 0 with only @c's status set where it has no record yet:
 * STATUS_CREATING while a command works on it, else STATUS_STOPPED; -1 with @e set: the record is
 * broken, or there is no container (container_missing).
 */
int container_read(const struct state_root *root, const char *id, struct arena *a,
		   struct container *c, struct err *e);

/* As container_read(), but a container that has a record is not asked for its status and pid. */
int container_read_record(const struct state_root *root, const char *id, struct arena *a,
			  struct container *c, struct err *e);

/* -1: "container does not exist", with e->code ENOENT. */
int container_missing(struct err *e);

/*
 * One JSON object: the OCI state (runtime-spec, runtime.md#state) with rootfs, created and owner.
 * @indented: two blanks a level; otherwise in one line. No newline behind.
 */
void container_print_json(struct out *out, const struct container *c, bool indented);
