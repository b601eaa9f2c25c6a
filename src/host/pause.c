/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/pause.c - pause and resume
 *
 * pause freezes the container's cgroup. The freezer shows whether a container is paused
 * (state/status.c), so nothing is recorded.
 */
#include "host/pause.h"

#include "cgroup/cgroup.h"
#include "host/find.h"
#include "kernel/fd.h"

int container_pause(const struct state_root *root, const char *id, struct err *e)
{
	struct record rec;
	struct arena a;

	arena_open(&a);
	autoclose int dir = container_lookup(root, id, false, &rec, &a, e);
	if (dir < 0)
		return -1;

	enum container_status status = state_status(dir, &rec);
	if (status != STATUS_RUNNING && status != STATUS_CREATED) {
		err_msg(e, "container not running");
		return status == STATUS_PAUSED ? err_hint(e, "it is paused already") : -1;
	}

	return cgroup_freeze(rec.cgroups, e);
}

int container_resume(const struct state_root *root, const char *id, struct err *e)
{
	struct record rec;
	struct arena a;

	arena_open(&a);
	autoclose int dir = container_lookup(root, id, false, &rec, &a, e);
	if (dir < 0)
		return -1;
	if (state_status(dir, &rec) != STATUS_PAUSED)
		return err_msg(e, "container not paused");

	return cgroup_thaw(rec.cgroups, e);
}
