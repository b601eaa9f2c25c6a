/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/unsupported.c - what config.json may ask for and tare does not do yet
 *
 * Refused before anything else is looked at, never passed over: a protection or limit that is
 * silently missing is worse than none. What asks for nothing (an empty text, an offset of 0) is
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

static bool asks_mount_label(const struct oci_config *c)
{
	return c->linux && has_text(c->linux->mount_label);
}

static bool is_offset(const struct oci_linux_time_offset *offset)
{
	return offset && (offset->secs != 0 || offset->nanosecs != 0);
}

static bool asks_time_offsets(const struct oci_config *c)
{
	const struct oci_linux_time_offsets *offsets = c->linux ? c->linux->time_offsets : NULL;

	return offsets && (is_offset(offsets->monotonic) || is_offset(offsets->boottime));
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

static const struct {
	const char *place, *name;
	bool (*asks)(const struct oci_config *c);
} unsupported[] = {
	{ "/process/apparmorProfile", "apparmorProfile", asks_apparmor },
	{ "/process/selinuxLabel", "selinuxLabel", asks_selinux },
	{ "/process/scheduler", "scheduler", asks_scheduler },
	{ "/process/ioPriority", "ioPriority", asks_io_priority },
	{ "/linux/mountLabel", "mountLabel", asks_mount_label },
	{ "/linux/timeOffsets", "timeOffsets", asks_time_offsets },
	{ "/linux/seccomp", "SCMP_ACT_NOTIFY", asks_notify },
};

int plan_unsupported(struct planner *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
		if (unsupported[i].asks(p->config))
			return err_cfg(e, unsupported[i].place, "%s is not supported yet",
				       unsupported[i].name);

	return 0;
}
