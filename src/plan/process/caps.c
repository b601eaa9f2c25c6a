/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/caps.c - process.capabilities: the five sets
 *
 * runtime-spec, config.md#linux-process: a capability that the runtime does not know or can't grant
 * gives a warning, not an error. So a set may become smaller than listed, never larger. Without
 * process.capabilities all sets are empty.
 */
#include "plan/process/caps.h"

#include "base/table.h"
#include "plan/planner.h"

#include <linux/capability.h>
#include <sched.h>
#include <strings.h>

const char *const caps_names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

const size_t caps_count = ARRAY_SIZE(caps_names);

#define BIT(n) ((uint64_t) 1 << (n))

int caps_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(caps_names); i++)
		if (strcasecmp(caps_names[i], name) == 0)
			return (int) i;

	return -1;
}

bool caps_listed(const char *const *names, size_t count, int capability)
{
	for (size_t i = 0; i < count; i++)
		if (caps_number(names[i]) == capability)
			return true;

	return false;
}

/* The capabilities that can be granted: all in a new user namespace, else those of tare. */
static uint64_t grantable(const struct planner *p)
{
	unsigned last = p->facts->last_cap < 63 ? p->facts->last_cap : 63;
	uint64_t known = ~(uint64_t) 0 >> (63 - last);

	return plan_has_namespace(p, CLONE_NEWUSER) ? known : p->facts->capabilities & known;
}

static uint64_t read_set(struct planner *p, const char *set, const char *const *names, size_t count)
{
	uint64_t result = 0, may = grantable(p);

	for (size_t i = 0; i < count; i++) {
		int number = caps_number(names[i]);

		if (number < 0)
			plan_warn(p, "/process/capabilities/%s/%zu: capability \"%s\" is not known",
				  set, i, names[i]);
		else if (!(may & BIT(number)))
			plan_warn(p, "/process/capabilities/%s/%zu: \"%s\" can't be granted here",
				  set, i, names[i]);
		else
			result |= BIT(number);
	}

	return result;
}

/*
 * Remove from *@set what is not in @needed, with a warning: the kernel would refuse the whole set.
 */
static void keep_within(struct planner *p, uint64_t *set, uint64_t needed, const char *name,
			const char *why)
{
	for (size_t i = 0; i < caps_count; i++)
		if (*set & ~needed & BIT(i))
			plan_warn(p, "/process/capabilities/%s: \"%s\" can't be granted: %s", name,
				  caps_names[i], why);
	*set &= needed;
}

/* The warning has the text of runc's, which users search for. */
static void keep_ambient_within(struct planner *p, uint64_t *set, uint64_t needed)
{
	for (size_t i = 0; i < caps_count; i++)
		if (*set & ~needed & BIT(i))
			plan_warn(
				p,
				"/process/capabilities/ambient: can't raise ambient capability %s: "
				"it is not both permitted and inheritable",
				caps_names[i]);
	*set &= needed;
}

void caps_read(struct planner *p, struct caps_sets *sets)
{
	const struct oci_process *process = p->config->process;
	const struct oci_capabilities *c = process ? process->capabilities : NULL;

	*sets = (struct caps_sets) { 0 };
	if (!c)
		return;
	sets->bounding = read_set(p, "bounding", c->bounding, c->bounding_count);
	sets->effective = read_set(p, "effective", c->effective, c->effective_count);
	sets->permitted = read_set(p, "permitted", c->permitted, c->permitted_count);
	sets->inheritable = read_set(p, "inheritable", c->inheritable, c->inheritable_count);
	sets->ambient = read_set(p, "ambient", c->ambient, c->ambient_count);

	keep_within(p, &sets->effective, sets->permitted, "effective", "it is not permitted");
	keep_within(p, &sets->inheritable, sets->bounding, "inheritable",
		    "it is not in the bounding set");
	keep_ambient_within(p, &sets->ambient, sets->permitted & sets->inheritable);
}
