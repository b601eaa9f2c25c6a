/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/user.c - the program's directory, ids, groups, umask, capabilities
 *
 * The kernel dictates the order: changing the bounding set takes CAP_SETPCAP, changing the ids
 * CAP_SETUID and CAP_SETGID, so the sets come last. Only loading the seccomp filter, behind them,
 * may still take a capability.
 */
#include "plan/annotations/annotation.h"
#include "plan/planner.h"
#include "plan/process/caps.h"

#include <linux/capability.h>
#include <sched.h>

static const struct oci_user no_user;

/*
 * podman --group-add keep-groups: the caller's groups are kept, although they are not mapped
 * inside.
 */
static bool keeps_groups(const struct planner *p)
{
	return plan_annotation_is_set(p, "run.oci.keep_original_groups");
}

/* Is setgroups(2) denied: by a step of plan/namespaces/idmap.c, or in tare's own user namespace? */
static bool is_denied_setgroups(const struct planner *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].op == OP_DENY_SETGROUPS)
			return true;

	return !p->facts->setgroups_allowed;
}

static int check_groups(const struct planner *p, const struct oci_user *user, bool set,
			struct err *e)
{
	if (set || user->additional_gids_count == 0 || keeps_groups(p))
		return 0;

	err_cfg(e, "/process/user/additionalGids",
		"groups can't be set: this user namespace has setgroups(2) denied");
	return err_hint(e, "give the user a range in /etc/subgid and map it");
}

static int plan_ids(struct planner *p, const struct oci_user *user, struct err *e)
{
	bool set = !keeps_groups(p) && !is_denied_setgroups(p);

	if (check_groups(p, user, set, e) < 0)
		return -1;

	struct step *step = plan_add(p, OP_SET_USER, "/process/user");
	step->user.uid = user->uid;
	step->user.gid = user->gid;
	step->user.groups = user->additional_gids;
	step->user.group_count = set ? user->additional_gids_count : 0;
	step->user.set_groups = set;

	return 0;
}

/*
 * tare-init works with umask 0; without one in config.json the program gets the caller's. Bits
 * above 0777 are left out as by umask(2), with which runtime-spec explains the property.
 */
static void plan_umask(struct planner *p, const struct oci_user *user)
{
	plan_add(p, OP_SET_UMASK, user->has_umask ? "/process/user/umask" : "")->number =
		user->has_umask ? user->umask & 0777 : p->plan->umask;
}

/*
 * seccomp(2): without no_new_privs loading a filter takes CAP_SYS_ADMIN, so that is kept until the
 * exec.
 */
static uint64_t needed_until_exec(const struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;
	bool filter = linux && linux->seccomp && !p->config->process->no_new_privileges;

	return filter ? (uint64_t) 1 << CAP_SYS_ADMIN : 0;
}

static void plan_caps(struct planner *p, enum step_op op, const struct caps_sets *sets)
{
	struct step *step = plan_add(p, op, "/process/capabilities");

	step->caps.bounding = sets->bounding;
	step->caps.effective = sets->effective;
	step->caps.permitted = sets->permitted;
	step->caps.inheritable = sets->inheritable;
	step->caps.ambient = sets->ambient;
	step->caps.until_exec = needed_until_exec(p);
}

const struct step *plan_caps_step(const struct planner *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->steps[i].op == OP_SET_CAPS)
			return &p->steps[i];

	return NULL;
}

void plan_drop_last(struct planner *p)
{
	const struct step *caps = plan_caps_step(p);

	/* No capability was kept for the filter, or the program keeps it anyway. */
	if (!caps || !(caps->caps.until_exec & ~caps->caps.permitted))
		return;

	/* plan_add() may move the array of steps, so the operands are copied first. */
	struct step copy = *caps;

	plan_add(p, OP_DROP_LAST, copy.place)->caps = copy.caps;
}

int plan_user(struct planner *p, struct err *e)
{
	const struct oci_process *process = p->config->process;
	struct caps_sets sets;

	if (!process)
		return 0;
	if (!process->cwd || process->cwd[0] != '/')
		return err_cfg(e, "/process/cwd", "cwd \"%s\" is not absolute",
			       process->cwd ? process->cwd : "");

	const struct oci_user *user = process->user ? process->user : &no_user;
	caps_read(p, &sets);
	plan_add(p, OP_CHANGE_DIR, "/process/cwd")->path = process->cwd;
	/*
	 * Without CAP_SETPCAP the bounding set can't be changed; with no_new_privs it could not add
	 * any capability either.
	 */
	if (plan_has_namespace(p, CLONE_NEWUSER) || !process->no_new_privileges ||
	    p->facts->capabilities & (uint64_t) 1 << CAP_SETPCAP)
		plan_caps(p, OP_DROP_BOUNDING, &sets);
	if (plan_ids(p, user, e) < 0)
		return -1;
	plan_umask(p, user);
	plan_caps(p, OP_SET_CAPS, &sets);

	return 0;
}
