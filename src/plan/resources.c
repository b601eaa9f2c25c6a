/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/resources.c - linux.resources: the limits of the container
 *
 * config.json speaks in terms of v1. A controller may be in a v1 hierarchy or in the v2 one, and
 * in hybrid layouts some are here and some there: so for each limit the hierarchy that has its
 * controller is looked up, and the file and value are those of its version.
 *
 * A value that asks for nothing (no limit at all, or the kernel's default) needs no cgroup and no
 * controller; what can't be put in force is refused. Engines written in Go send 0 for a limit they
 * don't want: but for pids, where 0 is a limit, it counts as absent.
 */
#include "plan/resources.h"

#include "base/table.h"
#include "plan/caps.h"
#include "plan/cgroup.h"
#include "plan/device_program.h"

#include <linux/capability.h>
#include <sched.h>

#define PLACE "/linux/resources/"

/* One value on its way to one file. */
struct want {
	const char *controller, *place, *name;
	const char *v1_file, *v2_file; /* NULL: that version has no such thing */
	const char *v1, *v2;	       /* the values */
	bool optional;		       /* the default of the kernel: nothing is lost without */
};

static const struct cgroup_hierarchy *find_quietly(struct planner *p, const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, controller);

	return h && plan_cgroup_dir(p, h) ? h : NULL;
}

static void write_file(struct planner *p, const char *place, const char *dir, const char *file,
		       const char *value, bool optional)
{
	struct step *step = plan_add(p, OP_WRITE_CGROUP, place);

	step->cgroup_file.directory = dir;
	step->cgroup_file.file = file;
	step->cgroup_file.value = value;
	step->cgroup_file.optional = optional;
}

static int put(struct planner *p, const struct want *w, struct err *e)
{
	const struct cgroup_hierarchy *h =
		w->optional ? find_quietly(p, w->controller)
			    : plan_cgroup_need(p, w->controller, w->place, e);
	if (!h)
		return w->optional ? 0 : -1;

	const char *file = h->v2 ? w->v2_file : w->v1_file;
	if (!file)
		return w->optional ? 0
				   : err_cfg(e, w->place, "%s is not possible on cgroup %s",
					     w->name, h->v2 ? "v2" : "v1");
	write_file(p, w->place, plan_cgroup_dir(p, h), file, h->v2 ? w->v2 : w->v1, w->optional);

	return 0;
}

/* ---- memory ---- */

static const char *number(struct planner *p, int64_t value)
{
	return arena_printf(p->arena, "%lld", (long long) value);
}

/* The same for both versions but for the word of no limit. */
static int put_bytes(struct planner *p, struct want *w, bool given, int64_t value, struct err *e)
{
	if (!given || value == 0)
		return 0;
	if (value < -1)
		return err_cfg(e, w->place, "%lld is neither a size nor -1", (long long) value);
	w->controller = "memory";
	w->optional = value == -1;
	w->v1 = number(p, value);
	w->v2 = value == -1 ? "max" : w->v1;

	return put(p, w, e);
}

static int put_limit(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	struct want w = { .place = PLACE "memory/limit",
			  .name = "limit",
			  .v1_file = "memory.limit_in_bytes",
			  .v2_file = "memory.max" };

	return put_bytes(p, &w, m->has_limit, m->limit, e);
}

static int check_swap(const struct oci_linux_memory *m, struct err *e)
{
	const char *place = PLACE "memory/swap";

	if (m->swap < -1)
		return err_cfg(e, place, "%lld is neither a size nor -1", (long long) m->swap);
	if (m->swap <= 0)
		return 0;
	if (!m->has_limit || m->limit <= 0)
		return err_cfg(e, place, "unable to set swap limit without memory limit");
	if (m->swap < m->limit)
		return err_cfg(e, place, "memory+swap limit %lld should be >= memory limit %lld",
			       (long long) m->swap, (long long) m->limit);

	return 0;
}

/* In config.json and on v1 memory and swap together; on v2 the swap alone. */
static int put_swap(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	int64_t swap = m->has_swap ? m->swap : 0;

	if (check_swap(m, e) < 0)
		return -1;
	/* No limit of the memory, and nothing said of swap: no limit of both. */
	if (swap == 0 && m->has_limit && m->limit == -1)
		swap = -1;
	if (swap == 0)
		return 0;

	const struct cgroup_hierarchy *h = cgroup_layout_find(&p->facts->cgroups, "memory");
	struct want w = {
		.controller = "memory",
		.place = PLACE "memory/swap",
		.name = "swap",
		.v1_file = "memory.memsw.limit_in_bytes",
		.v2_file = "memory.swap.max",
		.v1 = number(p, swap),
		.v2 = swap == -1 ? "max" : number(p, swap - m->limit),
		/* A v2 kernel without the file has no swap: just what 0 asks for. */
		.optional = swap == -1 || (h && h->v2 && swap == m->limit),
	};

	return put(p, &w, e);
}

/* Neither may be above the other on the way: memory + swap is raised first, and lowered last. */
static int plan_limit_and_swap(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	bool swap_first = m->has_limit && m->limit == -1;

	if (swap_first && put_swap(p, m, e) < 0)
		return -1;
	if (put_limit(p, m, e) < 0)
		return -1;

	return swap_first ? 0 : put_swap(p, m, e);
}

static int put_other_bytes(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	struct want reservation = { .place = PLACE "memory/reservation",
				    .name = "reservation",
				    .v1_file = "memory.soft_limit_in_bytes",
				    .v2_file = "memory.low" };
	struct want kernel = { .place = PLACE "memory/kernel",
			       .name = "kernel",
			       .v1_file = "memory.kmem.limit_in_bytes" };
	struct want tcp = { .place = PLACE "memory/kernelTCP",
			    .name = "kernelTCP",
			    .v1_file = "memory.kmem.tcp.limit_in_bytes" };

	if (put_bytes(p, &reservation, m->has_reservation, m->reservation, e) < 0 ||
	    put_bytes(p, &kernel, m->has_kernel, m->kernel, e) < 0)
		return -1;

	return put_bytes(p, &tcp, m->has_kernel_tcp, m->kernel_tcp, e);
}

static int put_swappiness(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	const char *place = PLACE "memory/swappiness";

	if (!m->has_swappiness)
		return 0;
	if (m->swappiness > 100)
		return err_cfg(e, place, "swappiness %llu is above 100",
			       (unsigned long long) m->swappiness);

	return put(p,
		   &(struct want) { .controller = "memory",
				    .place = place,
				    .name = "swappiness",
				    .v1_file = "memory.swappiness",
				    .v1 = number(p, (int64_t) m->swappiness) },
		   e);
}

static int put_oom_killer(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	if (!m->has_disable_oom_killer || !m->disable_oom_killer)
		return 0;

	return put(p,
		   &(struct want) { .controller = "memory",
				    .place = PLACE "memory/disableOOMKiller",
				    .name = "disableOOMKiller",
				    .v1_file = "memory.oom_control",
				    .v1 = "1" },
		   e);
}

/* All v2 cgroups are hierarchical, and so are v1's by default since Linux 5.11. */
static int put_use_hierarchy(struct planner *p, const struct oci_linux_memory *m, struct err *e)
{
	if (!m->has_use_hierarchy)
		return 0;

	return put(p,
		   &(struct want) { .controller = "memory",
				    .place = PLACE "memory/useHierarchy",
				    .name = "useHierarchy false",
				    .v1_file = "memory.use_hierarchy",
				    .v1 = m->use_hierarchy ? "1" : "0",
				    .optional = m->use_hierarchy },
		   e);
}

static int plan_memory(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_memory *m = r->memory;

	/* checkBeforeUpdate is for update: a new cgroup uses nothing. */
	if (!m)
		return 0;
	if (plan_limit_and_swap(p, m, e) < 0 || put_other_bytes(p, m, e) < 0 ||
	    put_swappiness(p, m, e) < 0 || put_oom_killer(p, m, e) < 0)
		return -1;

	return put_use_hierarchy(p, m, e);
}

/* ---- cpu ---- */

/* log2(@x) for x >= 1, bit by bit: squaring doubles the logarithm. No libm in a small binary. */
static double log2_of(double x)
{
	double result = 0;

	while (x >= 2) {
		x /= 2;
		result += 1;
	}
	for (double bit = 0.5; bit > 1e-16; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}

	return result;
}

/* 10^@x for 0 <= x <= 4: the series of e^(x ln 10 / 16), to the 16th. */
static double ten_to(double x)
{
	double y = x * 2.302585092994045684 / 16, term = 1, sum = 1;

	for (int n = 1; n < 24; n++) {
		term *= y / n;
		sum += term;
	}
	for (int i = 0; i < 4; i++)
		sum *= sum;

	return sum;
}

unsigned resources_cpu_weight(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;

	double l = log2_of((double) shares);
	double weight = ten_to((l * l + 125 * l) / 612 - 7.0 / 34);

	/* Round up, but 100.0000000001 is 100. */
	return (unsigned) (weight + 1 - 1e-8);
}

static const char *unsigned_number(struct planner *p, uint64_t value)
{
	return arena_printf(p->arena, "%llu", (unsigned long long) value);
}

static int put_shares(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	bool idle = c->has_idle && c->idle != 0;

	/* cpu.idle is the lowest weight of all; the kernel refuses another beside it. */
	if (!c->has_shares || c->shares == 0 || idle)
		return 0;

	return put(p,
		   &(struct want) { .controller = "cpu",
				    .place = PLACE "cpu/shares",
				    .v1_file = "cpu.shares",
				    .v2_file = "cpu.weight",
				    .v1 = unsigned_number(p, c->shares),
				    .v2 = unsigned_number(p, resources_cpu_weight(c->shares)) },
		   e);
}

static int put_idle(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	const char *place = PLACE "cpu/idle";

	if (!c->has_idle || c->idle == 0)
		return 0;
	if (c->idle != 1)
		return err_cfg(e, place, "idle is 0 or 1, not %lld", (long long) c->idle);

	return put(p,
		   &(struct want) { .controller = "cpu",
				    .place = place,
				    .v1_file = "cpu.idle",
				    .v2_file = "cpu.idle",
				    .v1 = "1",
				    .v2 = "1" },
		   e);
}

/* v1 has a file for each, and the quota is checked against the period that is there by then. */
static int put_quota_v1(struct planner *p, const struct oci_linux_cpu *c, const char *dir)
{
	bool limited = c->has_quota && c->quota > 0;

	if (c->has_period && c->period > 0)
		write_file(p, PLACE "cpu/period", dir, "cpu.cfs_period_us",
			   unsigned_number(p, c->period), !limited);
	if (c->has_quota && c->quota != 0)
		write_file(p, PLACE "cpu/quota", dir, "cpu.cfs_quota_us",
			   limited ? number(p, c->quota) : "-1", !limited);

	return 0;
}

static int put_quota_v2(struct planner *p, const struct oci_linux_cpu *c, const char *dir)
{
	bool limited = c->has_quota && c->quota > 0;
	uint64_t period = c->has_period && c->period > 0 ? c->period : 100000;
	const char *value = arena_printf(p->arena, "%s %llu", limited ? number(p, c->quota) : "max",
					 (unsigned long long) period);

	write_file(p, limited ? PLACE "cpu/quota" : PLACE "cpu", dir, "cpu.max", value, !limited);

	return 0;
}

static int put_quota(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	bool limited = c->has_quota && c->quota > 0;
	bool asked = (c->has_quota && c->quota != 0) || (c->has_period && c->period > 0);

	if (!asked)
		return 0;

	const struct cgroup_hierarchy *h =
		limited ? plan_cgroup_need(p, "cpu", PLACE "cpu/quota", e) : find_quietly(p, "cpu");
	if (!h)
		return limited ? -1 : 0;

	return h->v2 ? put_quota_v2(p, c, plan_cgroup_dir(p, h))
		     : put_quota_v1(p, c, plan_cgroup_dir(p, h));
}

static int put_burst(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	const char *place = PLACE "cpu/burst";

	if (!c->has_burst || c->burst == 0)
		return 0;
	if (c->has_quota && c->quota > 0 && c->burst > (uint64_t) c->quota)
		return err_cfg(e, place, "burst %llu is above the quota %lld",
			       (unsigned long long) c->burst, (long long) c->quota);

	const char *value = unsigned_number(p, c->burst);

	return put(p,
		   &(struct want) { .controller = "cpu",
				    .place = place,
				    .v1_file = "cpu.cfs_burst_us",
				    .v2_file = "cpu.max.burst",
				    .v1 = value,
				    .v2 = value },
		   e);
}

static int put_realtime(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	if (c->has_realtime_period && c->realtime_period > 0 &&
	    put(p,
		&(struct want) { .controller = "cpu",
				 .place = PLACE "cpu/realtimePeriod",
				 .name = "realtimePeriod",
				 .v1_file = "cpu.rt_period_us",
				 .v1 = unsigned_number(p, c->realtime_period) },
		e) < 0)
		return -1;
	if (!c->has_realtime_runtime || c->realtime_runtime == 0)
		return 0;

	return put(p,
		   &(struct want) { .controller = "cpu",
				    .place = PLACE "cpu/realtimeRuntime",
				    .name = "realtimeRuntime",
				    .v1_file = "cpu.rt_runtime_us",
				    .v1 = number(p, c->realtime_runtime) },
		   e);
}

static int put_cpuset(struct planner *p, const char *value, const char *place, const char *file,
		      struct err *e)
{
	if (!value || !value[0])
		return 0;

	return put(p,
		   &(struct want) { .controller = "cpuset",
				    .place = place,
				    .v1_file = file,
				    .v2_file = file,
				    .v1 = value,
				    .v2 = value },
		   e);
}

static int plan_cpu(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_cpu *c = r->cpu;

	if (!c)
		return 0;
	if (put_shares(p, c, e) < 0 || put_idle(p, c, e) < 0 || put_quota(p, c, e) < 0 ||
	    put_burst(p, c, e) < 0 || put_realtime(p, c, e) < 0 ||
	    put_cpuset(p, c->cpus, PLACE "cpu/cpus", "cpuset.cpus", e) < 0)
		return -1;

	return put_cpuset(p, c->mems, PLACE "cpu/mems", "cpuset.mems", e);
}

/* ---- pids ---- */

static int plan_pids(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const char *place = PLACE "pids/limit";

	if (!r->pids || !r->pids->has_limit)
		return 0;
	/* 0 is a limit, too, but one that nobody is born under: written after the birth (cgroup.c).
	 */
	if (r->pids->limit == 0)
		return plan_cgroup_need(p, "pids", place, e) ? 0 : -1;

	bool unlimited = r->pids->limit < 0;
	const char *value = unlimited ? "max" : number(p, r->pids->limit);

	return put(p,
		   &(struct want) { .controller = "pids",
				    .place = place,
				    .v1_file = "pids.max",
				    .v2_file = "pids.max",
				    .v1 = value,
				    .v2 = value,
				    .optional = unlimited },
		   e);
}

/* ---- devices ---- */

static void write_rule(struct planner *p, const char *place, const char *dir,
		       const struct device_rule *rule)
{
	const char *file = rule->allow ? "devices.allow" : "devices.deny";

	if (device_rule_is_total(rule)) {
		write_file(p, place, dir, file, "a", false);
		return;
	}
	if (rule->character)
		write_file(p, place, dir, file, device_rule_text(rule, false, p->arena), false);
	if (rule->block)
		write_file(p, place, dir, file, device_rule_text(rule, true, p->arena), false);
}

static void plan_rules_v1(struct planner *p, const struct device_rules *rules, size_t listed,
			  const char *dir)
{
	for (size_t i = 0; i < rules->count; i++)
		write_rule(p, i < listed ? plan_place(p, PLACE "devices/%zu", i) : PLACE "devices",
			   dir, &rules->rules[i]);
}

static int plan_rules_v2(struct planner *p, const struct device_rules *rules, struct err *e)
{
	const struct bpf_insn *code;
	uint32_t count;

	if (device_program_make(rules, p->arena, &code, &count, e) < 0)
		return -1;

	struct step *step = plan_add(p, OP_ATTACH_DEVICES, PLACE "devices");
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
		err_cfg(e, PLACE "devices",
			"no cgroup can put device rules in force, and the container has CAP_MKNOD");
		return err_hint(e, "drop CAP_MKNOD, or let the container have a cgroup");
	}
	plan_warn(p, "%s: no cgroup can put device rules in force", PLACE "devices");

	return 0;
}

static int plan_device_rules(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const uint64_t may_load = (uint64_t) 1 << CAP_SYS_ADMIN;
	struct device_rules rules;

	if (r->devices_count == 0)
		return 0;
	if (device_rules_read(&rules, r->devices, r->devices_count, p->arena, e) < 0)
		return -1;
	if (device_rules_allow_all(&rules))
		return 0;

	const struct cgroup_hierarchy *v1 = find_quietly(p, "devices");
	if (v1) {
		plan_rules_v1(p, &rules, r->devices_count, plan_cgroup_dir(p, v1));
		return 0;
	}
	if (p->cgroup_dir && p->facts->initial_userns && (p->facts->capabilities & may_load))
		return plan_rules_v2(p, &rules, e);

	return go_without_rules(p, e);
}

int plan_resources(struct planner *p, struct err *e)
{
	static int (*const parts[])(struct planner *, const struct oci_linux_resources *,
				    struct err *) = {
		plan_memory,
		plan_cpu,
		plan_pids,
		plan_device_rules,
	};
	const struct oci_linux *linux = p->config->linux;

	if (!linux || !linux->resources)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i](p, linux->resources, e) < 0)
			return -1;

	return 0;
}
