/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/userns.c - what a user namespace changes about mounts
 *
 * procfs, sysfs and mqueue each show a namespace, and the kernel lets only root of that namespace
 * mount them anew. An outer container that hides a part of its /proc or /sys keeps the kernel from
 * mounting a complete one. Where that can be foreseen, a bind of the existing mount is planned;
 * else the step has a fallback. A procfs of a new pid namespace has none: the outer procfs would
 * show processes that are not the container's.
 *
 * mount_namespaces(7), "Restrictions on mount namespaces".
 */
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/accounts.h"
#include "plan/mounts/mounts.h"
#include "plan/namespaces/idmap.h"

#include <string.h>

static bool is_type(const struct mount_step *m, const char *type)
{
	return m->type && !m->remount && strcmp(m->type, type) == 0;
}

bool mount_sources_from_host(const struct planner *p)
{
	if (p->facts->euid != 0)
		return false;
	if (p->new_namespaces & CLONE_NEWUSER)
		return true;

	/* A joined mount namespace has the sources itself. */
	return (p->joined_namespaces & CLONE_NEWUSER) && (p->new_namespaces & CLONE_NEWNS);
}

bool mount_is_confined(const struct planner *p)
{
	return plan_has_namespace(p, CLONE_NEWUSER) || !p->facts->initial_userns;
}

/*
 * Is the container's root not root of the namespace of @type? True also where that can't be known.
 */
static bool is_foreign(const struct planner *p, uint64_t type)
{
	if (!plan_has_namespace(p, CLONE_NEWUSER) || (p->new_namespaces & type))
		return false;

	/*
	 * both are joined: most likely from one pod, whose user namespace owns the other namespace
	 */
	return !(p->joined_namespaces & CLONE_NEWUSER) || !(p->joined_namespaces & type);
}

static void bind_instead(const struct planner *p, struct mount_step *m, const char *source)
{
	m->source = source;
	m->type = NULL;
	m->bind = true;
	m->recursive = true;
	m->flags = 0;
	m->classic = false;
	m->parameter_count = 0;
	m->data = NULL;
	m->source_from_host = mount_sources_from_host(p);
	/*
	 * The attributes asked for the one file system go to all mounts that are bound in its
	 * place.
	 */
	m->recursive_attrs.set |= m->attrs.set & MOUNT_ATTRS_OF_A_KIND;
}

static void plan_sysfs(const struct planner *p, struct mount_step *m)
{
	if (is_foreign(p, CLONE_NEWNET))
		bind_instead(p, m, "/sys");
	else if (mount_is_confined(p))
		m->fallback = "/sys";
}

static void plan_proc(const struct planner *p, struct mount_step *m)
{
	if (is_foreign(p, CLONE_NEWPID) && !(p->joined_namespaces & CLONE_NEWPID))
		bind_instead(p, m, "/proc");
}

static void plan_mqueue(const struct planner *p, struct mount_step *m)
{
	if (is_foreign(p, CLONE_NEWIPC) && !(p->joined_namespaces & CLONE_NEWIPC))
		bind_instead(p, m, "/dev/mqueue");
	else if (mount_is_confined(p))
		m->fallback = "/dev/mqueue";
}

/* ---- devpts ---- */

/* Most config.json have gid=5 for devpts; this user namespace has no group 5. */
static bool is_unmapped(const struct planner *p, const struct mount_parameter *parameter)
{
	bool group = strcmp(parameter->key, "gid") == 0;
	const char *at = parameter->value;
	uint32_t id;

	if ((!group && strcmp(parameter->key, "uid") != 0) || !at)
		return false;

	return account_parse_id(&at, &id) == 0 && *at == '\0' && !idmap_has(p, group, id);
}

static void drop_unmapped(struct planner *p, const char *place, struct mount_step *m)
{
	struct mount_parameter *kept =
		arena_array(p->arena, m->parameter_count, sizeof(struct mount_parameter));
	const char *data = "";
	size_t count = 0;

	for (size_t i = 0; i < m->parameter_count; i++) {
		const struct mount_parameter *parameter = &m->parameters[i];
		const char *value = parameter->value;

		if (is_unmapped(p, parameter)) {
			plan_note(p, "%s: %s=%s is not mapped in the user namespace: left out",
				  place, parameter->key, value);
			continue;
		}
		kept[count++] = *parameter;
		data = arena_printf(p->arena, "%s%s%s%s%s", data, *data ? "," : "", parameter->key,
				    value ? "=" : "", value ? value : "");
	}
	m->parameters = kept;
	m->parameter_count = count;
	m->data = data;
}

/* ---- binds ---- */

/*
 * Engines add `rw` to every volume. A mount that is read-only on the host stays so in a user
 * namespace: the kernel refuses to clear the flag, and the `rw` is dropped.
 */
static void keep_readonly(struct planner *p, const char *place, struct mount_step *m)
{
	struct statfs fs;

	if (!mount_is_confined(p) || m->remount || m->source_from_host ||
	    !(m->attrs.clear & MOUNT_ATTR_RDONLY))
		return;
	if (sys_statfs_path(m->source, &fs) < 0 || !(fs.f_flags & STATFS_READONLY))
		return;
	m->attrs.clear &= ~(uint64_t) MOUNT_ATTR_RDONLY;
	plan_note(p, "%s: \"%s\" is read-only on the host, and stays so", place, m->source);
}

void plan_mount_in_userns(struct planner *p, const char *place, struct mount_step *m)
{
	if (m->bind)
		keep_readonly(p, place, m);
	else if (m->idmap.way != MOUNT_IDMAP_NONE)
		return;
	else if (is_type(m, "sysfs"))
		plan_sysfs(p, m);
	else if (is_type(m, "proc"))
		plan_proc(p, m);
	else if (is_type(m, "mqueue"))
		plan_mqueue(p, m);
	else if (is_type(m, "devpts") && m->parameter_count > 0)
		drop_unmapped(p, place, m);
}
