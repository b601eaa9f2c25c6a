/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/unsupported.c - what config.json may ask for and tare does not do yet
 *
 * Refused before anything else is looked at, never passed over: a protection or limit that is
 * silently missing is worse than none. What asks for nothing (an empty list, a weight of 0) is
 * what engines send anyway, and passes.
 *
 * With each feature that is added its row goes away.
 */
#include "base/table.h"
#include "plan/planner.h"

#include <string.h>

static bool has_text(const char *s)
{
	return s && s[0];
}

/* ---- process; exec's execCPUAffinity concerns no container that is created ---- */

static bool asks_apparmor(const struct oci_config *c)
{
	return c->process && has_text(c->process->apparmor_profile);
}

static bool asks_selinux(const struct oci_config *c)
{
	return c->process && has_text(c->process->selinux_label);
}

static bool asks_scheduler(const struct oci_config *c)
{
	return c->process && c->process->scheduler;
}

static bool asks_io_priority(const struct oci_config *c)
{
	return c->process && c->process->io_priority;
}

/* ---- linux ---- */

static bool asks_net_devices(const struct oci_config *c)
{
	return c->linux && c->linux->net_devices && c->linux->net_devices->count > 0;
}

static bool asks_intel_rdt(const struct oci_config *c)
{
	return c->linux && c->linux->intel_rdt;
}

static bool asks_memory_policy(const struct oci_config *c)
{
	return c->linux && c->linux->memory_policy;
}

static bool asks_personality(const struct oci_config *c)
{
	return c->linux && c->linux->personality;
}

static bool is_notify(const char *action)
{
	return action && strcmp(action, "SCMP_ACT_NOTIFY") == 0;
}

/* Without this action listenerPath is ignored, as the spec says. */
static bool asks_notify(const struct oci_config *c)
{
	const struct oci_linux_seccomp *seccomp = c->linux ? c->linux->seccomp : NULL;

	if (!seccomp)
		return false;
	for (size_t i = 0; i < seccomp->syscalls_count; i++)
		if (is_notify(seccomp->syscalls[i].action))
			return true;

	return is_notify(seccomp->default_action);
}

/* ---- linux.resources ---- */

static const struct oci_linux_resources *resources(const struct oci_config *c)
{
	static const struct oci_linux_resources none;

	return c->linux && c->linux->resources ? c->linux->resources : &none;
}

static bool asks_block_io(const struct oci_config *c)
{
	const struct oci_linux_block_io *io = resources(c)->block_io;

	return io &&
	       (io->weight > 0 || io->leaf_weight > 0 || io->weight_device_count > 0 ||
		io->throttle_read_bps_device_count > 0 || io->throttle_write_bps_device_count > 0 ||
		io->throttle_read_iops_device_count > 0 ||
		io->throttle_write_iops_device_count > 0);
}

static bool asks_hugepage_limits(const struct oci_config *c)
{
	return resources(c)->hugepage_limits_count > 0;
}

static bool asks_network(const struct oci_config *c)
{
	const struct oci_linux_network *network = resources(c)->network;

	return network && (network->class_id > 0 || network->priorities_count > 0);
}

static bool asks_rdma(const struct oci_config *c)
{
	const struct oci_linux_rdma_map *rdma = resources(c)->rdma;

	return rdma && rdma->count > 0;
}

static bool asks_unified(const struct oci_config *c)
{
	const struct oci_string_map *unified = resources(c)->unified;

	return unified && unified->count > 0;
}

static const struct {
	const char *place, *name;
	bool (*asks)(const struct oci_config *c);
} unsupported[] = {
	{ "/process/apparmorProfile", "apparmorProfile", asks_apparmor },
	{ "/process/selinuxLabel", "selinuxLabel", asks_selinux },
	{ "/process/scheduler", "scheduler", asks_scheduler },
	{ "/process/ioPriority", "ioPriority", asks_io_priority },
	{ "/linux/netDevices", "netDevices", asks_net_devices },
	{ "/linux/intelRdt", "intelRdt", asks_intel_rdt },
	{ "/linux/memoryPolicy", "memoryPolicy", asks_memory_policy },
	{ "/linux/personality", "personality", asks_personality },
	{ "/linux/seccomp", "SCMP_ACT_NOTIFY", asks_notify },
	{ "/linux/resources/blockIO", "blockIO", asks_block_io },
	{ "/linux/resources/hugepageLimits", "hugepageLimits", asks_hugepage_limits },
	{ "/linux/resources/network", "network", asks_network },
	{ "/linux/resources/rdma", "rdma", asks_rdma },
	{ "/linux/resources/unified", "unified", asks_unified },
};

int plan_unsupported(struct planner *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (unsupported[i].asks(p->config))
			return err_cfg(e, unsupported[i].place, "%s is not supported yet",
				       unsupported[i].name);

	return 0;
}
