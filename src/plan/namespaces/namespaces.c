/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/namespaces.c - linux.namespaces: new and joined namespaces, in the order of the
 * steps
 *
 * The clone of tare-init makes the new namespaces, but for two. A cgroup namespace has its root at
 * the cgroup of the process that makes it, so tare-init must be in the container's cgroup first. A
 * time namespace with linux.timeOffsets takes the offsets before a process is in it. Of the joined
 * namespaces, tare-init is cloned into some and enters the others itself.
 */
#include "plan/namespaces/namespaces.h"

#include "base/table.h"
#include "kernel/process.h"
#include "plan/namespaces/idmap.h"
#include "plan/planner.h"

#include <linux/capability.h>
#include <string.h>

const struct namespace_kind namespace_kinds[NAMESPACE_KINDS] = {
	{ "user", CLONE_NEWUSER, "/proc/self/ns/user" },
	{ "pid", CLONE_NEWPID, "/proc/self/ns/pid" },
	{ "ipc", CLONE_NEWIPC, "/proc/self/ns/ipc" },
	{ "uts", CLONE_NEWUTS, "/proc/self/ns/uts" },
	{ "network", CLONE_NEWNET, "/proc/self/ns/net" },
	{ "cgroup", CLONE_NEWCGROUP, "/proc/self/ns/cgroup" },
	{ "time", CLONE_NEWTIME, "/proc/self/ns/time" },
	{ "mount", CLONE_NEWNS, "/proc/self/ns/mnt" },
};

static bool is_offset(const struct oci_linux_time_offset *offset)
{
	return offset && (offset->secs != 0 || offset->nanosecs != 0);
}

/* linux.timeOffsets; NULL where it has no offset. */
static const struct oci_linux_time_offsets *time_offsets(const struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;
	const struct oci_linux_time_offsets *offsets = linux ? linux->time_offsets : NULL;

	return offsets && (is_offset(offsets->monotonic) || is_offset(offsets->boottime)) ? offsets
											  : NULL;
}

/*
 * New namespaces that are unshared later, not made by the clone. A cgroup namespace has its root
 * where the process is at that time. A time namespace takes offsets only before a process is in it;
 * and with CLONE_NEWTIME the kernel refuses CLONE_VM, and clone(2) has no such flag. The root
 * directory of mqueue belongs to the user that makes the IPC namespace. With a user namespace that
 * must be the container's root, who exists once the id maps are written.
 */
static uint64_t made_later(const struct planner *p)
{
	uint64_t later = CLONE_NEWCGROUP | CLONE_NEWTIME;

	if (p->new_namespaces & CLONE_NEWUSER)
		later |= CLONE_NEWIPC;

	return p->new_namespaces & later;
}

static const struct namespace_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespace_kinds); i++)
		if (strcmp(namespace_kinds[i].name, name) == 0)
			return &namespace_kinds[i];

	return NULL;
}

static int read_one(struct planner *p, size_t i, struct err *e)
{
	const struct oci_linux_namespace *ns = &p->config->linux->namespaces[i];
	const struct namespace_kind *kind = find_kind(ns->type);

	if (!kind)
		return err_cfg(e, plan_place(p, "/linux/namespaces/%zu/type", i),
			       "unknown namespace \"%s\"", ns->type);
	if (plan_has_namespace(p, kind->type))
		return err_cfg(e, plan_place(p, "/linux/namespaces/%zu/type", i),
			       "namespace \"%s\" is listed twice", ns->type);
	/* Engines written in Go send "" for an absent string. */
	if (!ns->path || !ns->path[0]) {
		p->new_namespaces |= kind->type;
		return 0;
	}
	if (ns->path[0] != '/')
		return err_cfg(e, plan_place(p, "/linux/namespaces/%zu/path", i),
			       "\"%s\" is not an absolute path", ns->path);
	p->joined_namespaces |= kind->type;

	return 0;
}

static int check_privilege(const struct planner *p, struct err *e)
{
	/* `box /` without namespaces: the program runs in the host's own root. */
	if (p->options->whole_root && !(p->new_namespaces | p->joined_namespaces))
		return 0;
	if (plan_has_namespace(p, CLONE_NEWUSER) ||
	    (p->facts->capabilities & ((uint64_t) 1 << CAP_SYS_ADMIN)))
		return 0;

	err_cfg(e, "/linux/namespaces", "a container without a user namespace needs root's rights");
	return err_hint(e, "run as root, or add a user namespace as \"tare spec --rootless\" does");
}

static int check_clock(const struct oci_linux_time_offset *offset, const char *place, struct err *e)
{
	const uint32_t second = 1000000000;

	if (offset && offset->nanosecs >= second)
		return err_cfg(e, place, "%u is a second or more", offset->nanosecs);

	return 0;
}

static int check_time_offsets(const struct planner *p, struct err *e)
{
	const struct oci_linux_time_offsets *offsets = time_offsets(p);
	static const char place[] = "/linux/timeOffsets";

	if (!offsets)
		return 0;
	if (p->joined_namespaces & CLONE_NEWTIME)
		return err_cfg(e, place,
			       "the clocks of a time namespace that is joined can't be set");
	if (!(p->new_namespaces & CLONE_NEWTIME))
		return err_cfg(e, place, "time offsets need a new time namespace");
	if (check_clock(offsets->monotonic, "/linux/timeOffsets/monotonic/nanosecs", e) < 0)
		return -1;

	return check_clock(offsets->boottime, "/linux/timeOffsets/boottime/nanosecs", e);
}

int plan_namespaces(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	for (size_t i = 0; linux && i < linux->namespaces_count; i++)
		if (read_one(p, i, e) < 0)
			return -1;
	if (check_time_offsets(p, e) < 0)
		return -1;

	return check_privilege(p, e);
}

/* The index of the entry of config.json for @type, which must be there. */
static size_t find_entry(const struct planner *p, uint64_t type)
{
	const struct oci_linux *linux = p->config->linux;
	size_t i = 0;

	while (find_kind(linux->namespaces[i].type)->type != type)
		i++;

	return i;
}

const char *plan_joined_path(const struct planner *p, uint64_t type)
{
	if (!(p->joined_namespaces & type))
		return NULL;

	return p->config->linux->namespaces[find_entry(p, type)].path;
}

/*
 * The namespaces that are joined before the first step, beside the user namespace: the pid
 * namespace, as setns(2) moves only children into it. With a user namespace all of them: from
 * inside it the host's can't be joined.
 */
static uint64_t joined_at_clone(const struct planner *p)
{
	bool user = plan_has_namespace(p, CLONE_NEWUSER);

	return p->joined_namespaces & (user ? ~(uint64_t) CLONE_NEWUSER : CLONE_NEWPID);
}

/*
 * A createContainer hook is a child of tare-init with all its rights, so it must not be cloned into
 * a joined pid namespace: a root in there could take it over. With a user namespace the pid
 * namespace is joined first nevertheless, as from inside it the host's can't be joined.
 */
static bool joins_pids_later(const struct planner *p)
{
	return (p->joined_namespaces & CLONE_NEWPID) && !plan_has_namespace(p, CLONE_NEWUSER);
}

static void set_joins(struct planner *p, struct spawn_step *spawn)
{
	struct ns_join *joins = arena_array(p->arena, SPAWN_JOINS_MAX, sizeof(*joins));

	for (size_t i = 0; i < ARRAY_SIZE(namespace_kinds); i++) {
		const struct namespace_kind *kind = &namespace_kinds[i];

		if (!(joined_at_clone(p) & kind->type))
			continue;
		joins[spawn->join_count++] = (struct ns_join) {
			.type = kind->type,
			.name = kind->name,
			.path = plan_joined_path(p, kind->type),
			.place = plan_place(p, "/linux/namespaces/%zu", find_entry(p, kind->type)),
			.later = kind->type == CLONE_NEWPID && joins_pids_later(p),
		};
	}
	spawn->joins = joins;
	if (spawn->join_user)
		spawn->join_user_place =
			plan_place(p, "/linux/namespaces/%zu", find_entry(p, CLONE_NEWUSER));
	spawn->enter = spawn->join_user || spawn->join_count > 0;
	spawn->late = p->joined_namespaces & CLONE_NEWPID;
}

int plan_spawn(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;
	bool listed = linux && linux->namespaces_count > 0;
	struct spawn_step spawn = {
		.namespaces = p->new_namespaces & ~made_later(p),
		.cgroup = p->cgroup_dir,
		.join_user = plan_joined_path(p, CLONE_NEWUSER),
		.held = p->new_namespaces & CLONE_NEWUSER,
		.uid = idmap_working_id(p, false),
		.gid = idmap_working_id(p, true),
	};

	(void) e;
	set_joins(p, &spawn);
	p->plan->spawn = p->count;
	plan_add(p, OP_SPAWN, listed ? "/linux/namespaces" : "")->spawn = spawn;

	return 0;
}

static void add_namespace(struct planner *p, enum step_op op, const struct namespace_kind *kind)
{
	const char *place = plan_place(p, "/linux/namespaces/%zu", find_entry(p, kind->type));
	struct step *step = plan_add(p, op, place);

	step->ns.type = kind->type;
	step->ns.name = kind->name;
	step->ns.path = plan_joined_path(p, kind->type);
}

static struct clock_offset read_offset(const struct oci_linux_time_offset *offset)
{
	if (!offset)
		return (struct clock_offset) { 0 };

	return (struct clock_offset) { .seconds = offset->secs, .nanoseconds = offset->nanosecs };
}

static void set_clocks(struct planner *p)
{
	const struct oci_linux_time_offsets *offsets = time_offsets(p);

	if (!(p->new_namespaces & CLONE_NEWTIME))
		return;

	const char *place = plan_place(p, "/linux/namespaces/%zu", find_entry(p, CLONE_NEWTIME));
	struct step *step = plan_add(p, OP_SET_CLOCKS, offsets ? "/linux/timeOffsets" : place);
	step->clocks.monotonic = read_offset(offsets ? offsets->monotonic : NULL);
	step->clocks.boottime = read_offset(offsets ? offsets->boottime : NULL);
}

int plan_enter(struct planner *p, struct err *e)
{
	uint64_t joined_later =
		p->joined_namespaces & ~joined_at_clone(p) & ~(uint64_t) CLONE_NEWUSER;

	(void) e;
	plan_add(p, OP_ENTER_SESSION, "");
	for (size_t i = 0; i < ARRAY_SIZE(namespace_kinds); i++) {
		const struct namespace_kind *kind = &namespace_kinds[i];

		if (joined_later & kind->type)
			add_namespace(p, OP_JOIN_NAMESPACE, kind);
		if (made_later(p) & kind->type)
			add_namespace(p, OP_UNSHARE, kind);
	}
	set_clocks(p);

	return 0;
}

bool plan_clones_late(const struct planner *p)
{
	return p->plan->entered || (p->joined_namespaces & CLONE_NEWPID);
}

int plan_join_pids(struct planner *p, struct err *e)
{
	(void) e;
	for (size_t i = 0; i < ARRAY_SIZE(namespace_kinds) && joins_pids_later(p); i++)
		if (namespace_kinds[i].type == CLONE_NEWPID)
			add_namespace(p, OP_JOIN_NAMESPACE, &namespace_kinds[i]);

	return 0;
}

int plan_enter_pids(struct planner *p, struct err *e)
{
	/* exec joins the container's namespaces, whatever config.json had for them */
	bool joined = !p->plan->entered && (p->joined_namespaces & CLONE_NEWPID);
	const char *place =
		joined ? plan_place(p, "/linux/namespaces/%zu", find_entry(p, CLONE_NEWPID)) : "";

	(void) e;
	if (plan_clones_late(p))
		plan_add(p, OP_ENTER_PIDS, place);

	return 0;
}

/* In a new network namespace lo is down. */
int plan_network(struct planner *p, struct err *e)
{
	(void) e;
	if (p->new_namespaces & CLONE_NEWNET)
		plan_add(p, OP_LOOPBACK_UP,
			 plan_place(p, "/linux/namespaces/%zu", find_entry(p, CLONE_NEWNET)));

	return 0;
}
