/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/delete.h - delete: the removal of a container
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/* @force: kill the container first; an unknown container is then no failure. */
int container_delete(const struct state_root *root, const char *id, bool force, struct arena *a,
		     struct err *e);

/*
 * Delete a container that has stopped. It is looked at under its lock: another command may have
 * deleted it meanwhile, and made a new one with its ID, which is left alone. 0, or -1.
 */
int container_sweep(const struct state_root *root, const char *id, struct arena *a, struct err *e);

/*
 * Take down a container in any state: its processes, cgroups and state; then run poststop hooks,
 * whose failure is only a warning. @rec may be NULL: none was written.
 */
int container_remove(const struct state_root *root, const char *id, int dir,
		     const struct record *rec, struct arena *a, struct err *e);

/* Warn that a poststop hook failed, or could not be run; the deletion itself succeeded. */
void remove_warn(const char *id, const struct err *failure);
