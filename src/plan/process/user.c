/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/user.c - who the program runs as: directory, ids, groups, umask, capabilities
 *
 * The order is the kernel's: to take capabilities out of the bounding set takes CAP_SETPCAP, to
 * change the ids CAP_SETUID and CAP_SETGID, so the sets come last. Only the seccomp filter, behind
 * them, may still take a right.
 */
#include "plan/annotations/annotation.h"
#include "plan/process/caps.h"
#include "plan/planner.h"

#include <linux/capability.h>
#include <sched.h>

static const struct oci_user no_user;

/* podman --group-add keep-groups: those of the caller stay, although they have no name inside. */
static bool keeps_groups(const struct planner *p)
{
	return plan_annotation_is_set(p, "run.oci.keep_original_groups");
}

/* Where plan/namespaces/idmap.c, before us, had to give up setgroups(2), or it was denied to ourselves. */
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

static int plan_umask(struct planner *p, const struct oci_user *user, struct err *e)
{
	const char *place = "/process/user/umask";

	if (user->has_umask && user->umask > 0777)
		return err_cfg(e, place, "umask 0%o is above 0777", (unsigned) user->umask);
	/* tare-init works with 0; without a wish the caller's comes back. */
	plan_add(p, OP_SET_UMASK, user->has_umask ? place : "")->number =
		user->has_umask ? user->umask : p->plan->umask;

	return 0;
}

/* Without no_new_privs a filter takes CAP_SYS_ADMIN (seccomp(2)): kept for it until the exec. */
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

	/* Nothing is kept, or the program has it anyway. */
	if (!caps || !(caps->caps.until_exec & ~caps->caps.permitted))
		return;

	/* plan_add() may move the steps. */
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
	/* Without the right to, and a way to gain any, the bounding set gives nothing either. */
	if (plan_has_namespace(p, CLONE_NEWUSER) || !process->no_new_privileges ||
	    p->facts->capabilities & (uint64_t) 1 << CAP_SETPCAP)
		plan_caps(p, OP_DROP_BOUNDING, &sets);
	if (plan_ids(p, user, e) < 0 || plan_umask(p, user, e) < 0)
		return -1;
	plan_caps(p, OP_SET_CAPS, &sets);

	return 0;
}
