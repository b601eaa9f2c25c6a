/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/devices.c - linux.resources.devices: rules on v1, a program on v2
 */
#include "plan/limits/cgroup.h"
#include "plan/limits/device_program.h"
#include "plan/limits/limits.h"
#include "plan/process/caps.h"

#include <linux/capability.h>
#include <sched.h>

/* ---- v1 ---- */

/*
 * devices.allow and devices.deny of v1: the cgroup allows or denies everything, and keeps a list of
 * exceptions. The kernel removes an exception only by the very numbers that it was added with:
 * "deny c 1:3" has no effect, and reports no error, while the exception is "c 1:*"; and the other
 * way round. So this code keeps the same list. Exceptions within a wider rule are removed one by
 * one, and a rule for a part of an exception is refused.
 */
struct exceptions {
	bool allowed; /* everything but the list */
	struct device_rule *list;
	size_t count;
};

static void write_rule(struct planner *p, const char *place, const char *dir,
		       const struct device_rule *rule)
{
	const char *file = rule->allow ? "devices.allow" : "devices.deny";

	limit_write(p, place, dir, file, device_rule_text(rule, rule->block, p->arena), false);
}

static bool covers(uint32_t wide, uint32_t number)
{
	return wide == DEVICE_ANY || wide == number;
}

static bool is_within(const struct device_rule *one, const struct device_rule *wide)
{
	return covers(wide->major, one->major) && covers(wide->minor, one->minor);
}

static bool have_common(const struct device_rule *a, const struct device_rule *b)
{
	return a->block == b->block && (a->access & b->access) != 0 &&
	       (covers(a->major, b->major) || covers(b->major, a->major)) &&
	       (covers(a->minor, b->minor) || covers(b->minor, a->minor));
}

static int refuse_part(const struct planner *p, const char *place, const struct device_rule *rule,
		       const struct device_rule *of, struct err *e)
{
	err_cfg(e, place, "cgroup v1 cannot %s \"%s\" of \"%s\", which an earlier rule %s",
		rule->allow ? "allow" : "deny", device_rule_text(rule, rule->block, p->arena),
		device_rule_text(of, of->block, p->arena), of->allow ? "allows" : "denies");

	return err_hint(e, "name the devices of the earlier rule one by one, or use cgroup v2");
}

/* @rule agrees with the cgroup's default: each exception within it is removed. */
static int take_back(struct planner *p, struct exceptions *x, const char *place, const char *dir,
		     const struct device_rule *rule, struct err *e)
{
	for (size_t i = 0; i < x->count; i++) {
		struct device_rule *old = &x->list[i];

		if (!have_common(old, rule))
			continue;
		if (!is_within(old, rule))
			return refuse_part(p, place, rule, old, e);

		struct device_rule same = *old;

		same.allow = rule->allow;
		same.access = old->access & rule->access;
		old->access &= ~rule->access;
		/* If both have the same numbers, @rule itself removes the exception below. */
		if (!is_within(rule, old))
			write_rule(p, place, dir, &same);
	}
	write_rule(p, place, dir, rule);

	return 0;
}

static int apply_kind(struct planner *p, struct exceptions *x, const char *place, const char *dir,
		      struct device_rule rule, bool block, struct err *e)
{
	rule.block = block;
	rule.character = !block;
	if (rule.allow == x->allowed)
		return take_back(p, x, place, dir, &rule, e);

	x->list[x->count++] = rule;
	write_rule(p, place, dir, &rule);

	return 0;
}

static int apply_rule(struct planner *p, struct exceptions *x, const char *place, const char *dir,
		      const struct device_rule *rule, struct err *e)
{
	if (device_rule_is_total(rule)) {
		x->allowed = rule->allow;
		x->count = 0;
		write_rule(p, place, dir, rule);
		return 0;
	}
	if (rule->character && apply_kind(p, x, place, dir, *rule, false, e) < 0)
		return -1;

	return rule->block ? apply_kind(p, x, place, dir, *rule, true, e) : 0;
}

static int plan_rules_v1(struct planner *p, const struct device_rules *rules, size_t listed,
			 const char *dir, struct err *e)
{
	struct exceptions x = {
		.allowed = true,
		.list = arena_array(p->arena, 2 * rules->count + 1, sizeof(*x.list)),
	};

	for (size_t i = 0; i < rules->count; i++) {
		const char *place = i < listed ? plan_place(p, LIMITS_PLACE "devices/%zu", i)
					       : LIMITS_PLACE "devices";

		if (apply_rule(p, &x, place, dir, &rules->rules[i], e) < 0)
			return -1;
	}

	return 0;
}

/* mknod(2) of a device needs CAP_MKNOD in the first user namespace. */
static bool may_make_devices(const struct planner *p)
{
	const struct oci_process *process = p->config->process;

	if (!p->facts->initial_userns || plan_has_namespace(p, CLONE_NEWUSER))
		return false;

	return process && process->capabilities &&
	       caps_listed(process->capabilities->bounding, process->capabilities->bounding_count,
			   CAP_MKNOD);
}

/* ---- v2 ---- */

static int plan_rules_v2(struct planner *p, const struct device_rules *rules, struct err *e)
{
	const struct bpf_insn *code;
	uint32_t count;

	if (device_program_make(rules, p->arena, &code, &count, e) < 0)
		return -1;

	p->device_program = code;
	p->device_program_length = count;

	return 0;
}

/*
 * OP_ATTACH_DEVICES is late, so that it is done while tare-init mounts: the verifier takes 0.2 ms.
 * But it comes before the hooks, as some attach a device program of their own.
 */
int plan_device_program(struct planner *p, struct err *e)
{
	(void) e;
	if (!p->device_program)
		return 0;

	bool ahead = !p->steps[p->count - 1].on_host;
	struct step *step = plan_add(p, OP_ATTACH_DEVICES, LIMITS_PLACE "devices");

	step->ahead = ahead;
	step->devices.directory = p->cgroup_dir;
	step->devices.instructions = p->device_program;
	step->devices.count = p->device_program_length;
	step->devices.may_be_missing = !may_make_devices(p);

	return 0;
}

/*
 * Engines always send device rules. Without a cgroup a container goes without them only where it
 * can't make nodes, as then the rules guard just the nodes of its /dev; or where the caller asked
 * for no cgroup (podman --cgroups=disabled, whose containers have CAP_MKNOD). Else the container
 * would get free access to all devices.
 */
static int go_without_rules(struct planner *p, struct err *e)
{
	if (may_make_devices(p) && !p->options->flags.no_cgroup) {
		err_cfg(e, LIMITS_PLACE "devices",
			"no cgroup can put device rules in force, and the container has CAP_MKNOD");
		return err_hint(e, "drop CAP_MKNOD, or let the container have a cgroup");
	}
	plan_note(p, "%s: no cgroup can put device rules in force", LIMITS_PLACE "devices");

	return 0;
}

int limits_devices(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const uint64_t may_load = (uint64_t) 1 << CAP_SYS_ADMIN;
	struct device_rules rules;

	if (r->devices_count == 0)
		return 0;
	if (device_rules_read(&rules, r->devices, r->devices_count, p->arena, e) < 0)
		return -1;
	if (device_rules_allow_all(&rules))
		return 0;

	const struct cgroup_hierarchy *v1 = limit_find(p, "devices");
	if (v1)
		return plan_rules_v1(p, &rules, r->devices_count, plan_cgroup_dir(p, v1), e);
	if (p->cgroup_dir && p->facts->initial_userns && (p->facts->capabilities & may_load))
		return plan_rules_v2(p, &rules, e);

	return go_without_rules(p, e);
}
