/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/cpu.c - linux.resources.cpu
 *
 * The kernel checks quota against burst, and period against runtime of realtime tasks, at each
 * write. In a cgroup that is used again the order of the writes depends on the old values.
 */
#include "cgroup/layout.h"
#include "kernel/fd.h"
#include "plan/limits/cgroup.h"
#include "plan/limits/limits.h"
#include "plan/limits/resources.h"

#include <string.h>

#define LEAST_QUOTA 1000 /* microseconds */

/*
 * log2(@x) for x >= 1, bit by bit: squaring doubles the logarithm. libm would make the static
 * binary larger.
 */
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

	/*
	 * Round up, but not where the fraction is an error of the floating point: 100.0000000001 is
	 * 100.
	 */
	return (unsigned) (weight + 1 - 1e-8);
}

static int put_shares(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	bool idle = c->has_idle && c->idle != 0;

	/* cpu.idle is the lowest weight of all; the kernel refuses to set shares beside it. */
	if (!c->has_shares || c->shares == 0 || idle)
		return 0;

	return limit_put(
		p,
		&(struct limit) { .controller = "cpu",
				  .place = LIMITS_PLACE "cpu/shares",
				  .v1_file = "cpu.shares",
				  .v2_file = "cpu.weight",
				  .v1 = limit_unsigned(p, c->shares),
				  .v2 = limit_unsigned(p, resources_cpu_weight(c->shares)) },
		e);
}

static int put_idle(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	const char *place = LIMITS_PLACE "cpu/idle";

	if (!c->has_idle)
		return 0;
	if (c->idle != 0 && c->idle != 1)
		return err_cfg(e, place, "idle is 0 or 1, not %lld", (long long) c->idle);

	const char *value = c->idle ? "1" : "0";

	return limit_put(p,
			 &(struct limit) { .controller = "cpu",
					   .place = place,
					   .v1_file = "cpu.idle",
					   .v2_file = "cpu.idle",
					   .v1 = value,
					   .v2 = value,
					   .optional = c->idle == 0 },
			 e);
}

static void put_period_v1(struct planner *p, const struct oci_linux_cpu *c, const char *dir,
			  bool optional)
{
	if (c->has_period && c->period > 0)
		limit_write(p, LIMITS_PLACE "cpu/period", dir, "cpu.cfs_period_us",
			    limit_unsigned(p, c->period), optional);
}

/*
 * v1 has one file for the quota and one for the period, and checks at each write that quota /
 * period is not above the parent's. So a shorter period is written after the new quota, a longer
 * one before it.
 */
static int put_quota_v1(struct planner *p, const struct oci_linux_cpu *c, const char *dir)
{
	bool limited = c->has_quota && c->quota > 0;
	bool shorter =
		c->has_period && (int64_t) c->period < limit_left(p, "cpu", "cpu.cfs_period_us", 0);

	if (!shorter)
		put_period_v1(p, c, dir, !limited);
	if (c->has_quota && c->quota != 0)
		limit_write(p, LIMITS_PLACE "cpu/quota", dir, "cpu.cfs_quota_us",
			    limited ? limit_number(p, c->quota) : "-1", !limited);
	if (shorter)
		put_period_v1(p, c, dir, !limited);

	return 0;
}

static int put_quota_v2(struct planner *p, const struct oci_linux_cpu *c, const char *dir)
{
	bool limited = c->has_quota && c->quota > 0;
	uint64_t period = c->has_period && c->period > 0 ? c->period : 100000;
	const char *value =
		arena_printf(p->arena, "%s %llu", limited ? limit_number(p, c->quota) : "max",
			     (unsigned long long) period);

	limit_write(p, limited ? LIMITS_PLACE "cpu/quota" : LIMITS_PLACE "cpu", dir, "cpu.max",
		    value, !limited);

	return 0;
}

static int put_quota(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	bool limited = c->has_quota && c->quota > 0;
	bool asked = (c->has_quota && c->quota != 0) || (c->has_period && c->period > 0);

	if (!asked)
		return 0;

	/* sched-bwc.rst: no kernel takes a quota below 1 ms. */
	if (limited && c->quota < LEAST_QUOTA) {
		err_cfg(e, LIMITS_PLACE "cpu/quota", "a quota of %lld is below %d",
			(long long) c->quota, LEAST_QUOTA);
		return err_hint(e, "it is in microseconds: 1000 is 1 ms, the least there is");
	}

	const struct cgroup_hierarchy *h =
		limited ? plan_cgroup_need(p, "cpu", LIMITS_PLACE "cpu/quota", e)
			: limit_find(p, "cpu");
	if (!h)
		return limited ? -1 : 0;

	return h->v2 ? put_quota_v2(p, c, plan_cgroup_dir(p, h))
		     : put_quota_v1(p, c, plan_cgroup_dir(p, h));
}

static int put_burst(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	const char *place = LIMITS_PLACE "cpu/burst";

	if (!c->has_burst || c->burst == 0)
		return 0;
	if (c->has_quota && c->quota > 0 && c->burst > (uint64_t) c->quota)
		return err_cfg(e, place, "burst %llu is above the quota %lld",
			       (unsigned long long) c->burst, (long long) c->quota);

	const char *value = limit_unsigned(p, c->burst);

	return limit_put(p,
			 &(struct limit) { .controller = "cpu",
					   .place = place,
					   .v1_file = "cpu.cfs_burst_us",
					   .v2_file = "cpu.max.burst",
					   .v1 = value,
					   .v2 = value },
			 e);
}

/*
 * The kernel checks at each write that the burst is not above the quota: so a lower burst is
 * written first.
 */
static int put_bandwidth(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	const struct cgroup_hierarchy *h = limit_find(p, "cpu");
	const char *file = h && h->v2 ? "cpu.max.burst" : "cpu.cfs_burst_us";
	int64_t left = limit_left(p, "cpu", file, 0);
	bool burst_first = c->has_quota && c->quota > 0 && left > c->quota;
	bool asked = c->has_burst && c->burst > 0;

	if (!burst_first)
		return put_quota(p, c, e) < 0 ? -1 : put_burst(p, c, e);
	if (!asked)
		limit_write(p, LIMITS_PLACE "cpu/quota", plan_cgroup_dir(p, h), file, "0", false);
	if (put_burst(p, c, e) < 0)
		return -1;

	return put_quota(p, c, e);
}

static int put_realtime_period(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	if (!c->has_realtime_period || c->realtime_period == 0)
		return 0;

	return limit_put(p,
			 &(struct limit) { .controller = "cpu",
					   .place = LIMITS_PLACE "cpu/realtimePeriod",
					   .name = "realtimePeriod",
					   .v1_file = "cpu.rt_period_us",
					   .v1 = limit_unsigned(p, c->realtime_period) },
			 e);
}

static int put_realtime_runtime(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	if (!c->has_realtime_runtime || c->realtime_runtime == 0)
		return 0;

	return limit_put(p,
			 &(struct limit) { .controller = "cpu",
					   .place = LIMITS_PLACE "cpu/realtimeRuntime",
					   .name = "realtimeRuntime",
					   .v1_file = "cpu.rt_runtime_us",
					   .v1 = limit_number(p, c->realtime_runtime) },
			 e);
}

/* The kernel checks at each write that the runtime is not above the period. */
static int put_realtime(struct planner *p, const struct oci_linux_cpu *c, struct err *e)
{
	bool shorter = c->has_realtime_period &&
		       (uint64_t) limit_left(p, "cpu", "cpu.rt_runtime_us", 0) > c->realtime_period;

	if (shorter && put_realtime_runtime(p, c, e) < 0)
		return -1;
	if (put_realtime_period(p, c, e) < 0)
		return -1;

	return shorter ? 0 : put_realtime_runtime(p, c, e);
}

struct cpuset {
	const char *value, *place, *file;
	const char *name, *online; /* "CPUs"; the file with the machine's own list */
};

/*
 * Without the controller no parent cgroup lists the allowed numbers, so those of the machine are
 * shown.
 */
static int add_existing(const struct cpuset *c, struct err *e)
{
	char list[128];

	autoclose int fd = sys_open(c->online, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, list, sizeof(list) - 1);
	if (n <= 0)
		return -1;
	list[n] = '\0';
	list[strcspn(list, "\n")] = '\0';

	return err_in(e, "%s \"%s\" (this machine has %s)", c->name, c->value, list);
}

static int put_cpuset(struct planner *p, const struct cpuset *c, struct err *e)
{
	if (!c->value || !c->value[0])
		return 0;

	const struct limit limit = { .controller = "cpuset",
				     .place = c->place,
				     .v1_file = c->file,
				     .v2_file = c->file,
				     .v1 = c->value,
				     .v2 = c->value };

	if (limit_put(p, &limit, e) == 0)
		return 0;

	return cgroup_layout_find(&p->facts->cgroups, "cpuset") ? -1 : add_existing(c, e);
}

int limits_cpu(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_cpu *c = r->cpu;

	if (!c)
		return 0;
	/* The kernel refuses shares for an idle cgroup: cpu.idle is written first. */
	if (put_idle(p, c, e) < 0 || put_shares(p, c, e) < 0 || put_bandwidth(p, c, e) < 0 ||
	    put_realtime(p, c, e) < 0)
		return -1;

	const struct cpuset cpus = { c->cpus, LIMITS_PLACE "cpu/cpus", "cpuset.cpus", "CPUs",
				     "/sys/devices/system/cpu/online" };
	const struct cpuset mems = { c->mems, LIMITS_PLACE "cpu/mems", "cpuset.mems",
				     "memory nodes", "/sys/devices/system/node/online" };

	return put_cpuset(p, &cpus, e) < 0 ? -1 : put_cpuset(p, &mems, e);
}
