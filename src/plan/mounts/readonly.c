/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/readonly.c - mounts that become read-only at the end
 *
 * A tmpfs is empty at first, and tare fills /dev with nodes and links: with `ro` no further mount
 * point could be made in them. The `ro` is meant for the container's program. So such a mount
 * becomes read-only only behind the last step that makes something in it: behind the step for the
 * working directory, and before the rootfs becomes read-only.
 */
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/mounts.h"
#include "plan/mounts/path_text.h"

#include <string.h>

static bool is_tmpfs(const struct mount_step *m)
{
	return m->type && !m->remount && strcmp(m->type, "tmpfs") == 0;
}

/* A later remount with `rw` overrides the `ro`. */
static void take_back(struct planner *p, const char *path)
{
	for (unsigned i = 0; i < p->readonly_later_count; i++)
		if (strcmp(p->readonly_later[i].path, path) == 0)
			p->readonly_later[i].place = NULL;
}

void plan_mount_readonly_later(struct planner *p, const char *place, struct mount_step *m)
{
	const char *path = m->target;
	uint64_t set = m->attrs.set | (is_tmpfs(m) ? m->recursive_attrs.set : 0);
	unsigned count = p->readonly_later_count;

	if (m->remount && m->attrs.clear & MOUNT_ATTR_RDONLY)
		take_back(p, path);
	if (m->remount || !(set & MOUNT_ATTR_RDONLY) || count == READONLY_LATER_MOST ||
	    (!is_tmpfs(m) && strcmp(path, "/dev") != 0))
		return;
	m->attrs.set &= ~(uint64_t) MOUNT_ATTR_RDONLY;
	m->recursive_attrs.set &= is_tmpfs(m) ? ~(uint64_t) MOUNT_ATTR_RDONLY : ~(uint64_t) 0;
	m->flags &= ~(unsigned long) MS_RDONLY;
	p->readonly_later[count].path = path;
	p->readonly_later[count].place = place;
	m->readonly_later = ++p->readonly_later_count;
}

void plan_make_working_directory(struct planner *p)
{
	const struct oci_process *process = p->config->process;
	const char *cwd = process ? process->cwd : NULL;

	/* user.c refuses a cwd that is not absolute. */
	if (cwd && cwd[0] == '/' && strcmp(path_clean(p->arena, cwd), "/") != 0)
		plan_add(p, OP_MAKE_DIR, "/process/cwd")->path = cwd;
}

int plan_last_changes(struct planner *p, struct err *e)
{
	(void) e;
	if (!p->mounts)
		return 0;
	plan_make_working_directory(p);
	for (unsigned i = 0; i < p->readonly_later_count; i++)
		if (p->readonly_later[i].place)
			plan_add(p, OP_PROTECT_MOUNT, p->readonly_later[i].place)->index = i;

	return 0;
}
