/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits_devices.c - linux.resources.devices: rules on v1, a program on v2
 */
#include "plan/caps.h"
#include "plan/cgroup.h"
#include "plan/device_program.h"
#include "plan/limits.h"

#include <linux/capability.h>
#include <sched.h>

static void write_rule(struct planner *p, const char *place, const char *dir,
		       const struct device_rule *rule)
{
	const char *file = rule->allow ? "devices.allow" : "devices.deny";

	if (device_rule_is_total(rule)) {
		limit_write(p, place, dir, file, "a", false);
		return;
	}
	if (rule->character)
		limit_write(p, place, dir, file, device_rule_text(rule, false, p->arena), false);
	if (rule->block)
		limit_write(p, place, dir, file, device_rule_text(rule, true, p->arena), false);
}

static void plan_rules_v1(struct planner *p, const struct device_rules *rules, size_t listed,
			  const char *dir)
{
	for (size_t i = 0; i < rules->count; i++)
		write_rule(p,
			   i < listed ? plan_place(p, LIMITS_PLACE "devices/%zu", i)
				      : LIMITS_PLACE "devices",
			   dir, &rules->rules[i]);
}

static int plan_rules_v2(struct planner *p, const struct device_rules *rules, struct err *e)
{
	const struct bpf_insn *code;
	uint32_t count;

	if (device_program_make(rules, p->arena, &code, &count, e) < 0)
		return -1;

	struct step *step = plan_add(p, OP_ATTACH_DEVICES, LIMITS_PLACE "devices");
	step->devices.directory = p->cgroup_dir;
	step->devices.instructions = code;
	step->devices.count = count;

	return 0;
}

/* The kernel lets nobody make device nodes in a user namespace, and nobody without this capability.
 */
static bool may_make_devices(const struct planner *p)
{
	const struct oci_process *process = p->config->process;

	if (!p->facts->initial_userns || plan_has_namespace(p, CLONE_NEWUSER))
		return false;

	return process && process->capabilities &&
	       caps_listed(process->capabilities->bounding, process->capabilities->bounding_count,
			   CAP_MKNOD);
}

/*
 * Engines always send rules. Where the container can't make a node anyway they guard nothing
 * but what is in its /dev, so such a container goes without; any other would get free access.
 */
static int go_without_rules(struct planner *p, struct err *e)
{
	if (may_make_devices(p)) {
		err_cfg(e, LIMITS_PLACE "devices",
			"no cgroup can put device rules in force, and the container has CAP_MKNOD");
		return err_hint(e, "drop CAP_MKNOD, or let the container have a cgroup");
	}
	plan_warn(p, "%s: no cgroup can put device rules in force", LIMITS_PLACE "devices");

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
	if (v1) {
		plan_rules_v1(p, &rules, r->devices_count, plan_cgroup_dir(p, v1));
		return 0;
	}
	if (p->cgroup_dir && p->facts->initial_userns && (p->facts->capabilities & may_load))
		return plan_rules_v2(p, &rules, e);

	return go_without_rules(p, e);
}
