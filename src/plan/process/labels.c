/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/labels.c - process.selinuxLabel and apparmorProfile
 *
 * A label is a line in an attribute file of the process (proc(5), /proc/PID/attr), which takes
 * effect at the next exec. create writes it, so that a label that the policy does not know is
 * reported there. A startContainer hook is a program of the image: a child that inherits the line,
 * and so has the label too. A label that can't be put in force is an error.
 */
#include "plan/planner.h"

#include <string.h>

#define SELINUX_PLACE  "/process/selinuxLabel"
#define APPARMOR_PLACE "/process/apparmorProfile"

/* The kernel takes a page at most, and truncates a longer label. */
#define LONGEST_LABEL 4000

static bool has_text(const char *s)
{
	return s && s[0];
}

static const char *selinux_label(const struct planner *p)
{
	const struct oci_process *process = p->config->process;

	return process && has_text(process->selinux_label) ? process->selinux_label : NULL;
}

/* NULL for "unconfined" without AppArmor: every process is unconfined then. */
static const char *apparmor_profile(const struct planner *p)
{
	const struct oci_process *process = p->config->process;

	if (!process || !has_text(process->apparmor_profile))
		return NULL;
	if (!p->facts->apparmor && strcmp(process->apparmor_profile, "unconfined") == 0)
		return NULL;

	return process->apparmor_profile;
}

static int check_text(const char *text, const char *place, struct err *e)
{
	if (strlen(text) > LONGEST_LABEL)
		return err_cfg(e, place, "%zu characters are too many, the kernel takes %d",
			       strlen(text), LONGEST_LABEL);
	for (const char *at = text; *at; at++)
		if ((unsigned char) *at < ' ' || *at == 0x7f)
			return err_cfg(e, place, "\"%s\" has a control character", text);

	return 0;
}

int plan_check_selinux(const struct planner *p, const char *place, const char *label, struct err *e)
{
	if (!p->facts->selinux)
		return err_cfg(e, place,
			       "selinux label is specified in config, but selinux is disabled or "
			       "not supported");
	if (!p->facts->unknown_label || strcmp(p->facts->unknown_label, label) != 0)
		return 0;
	err_cfg(e, place, "\"%s\" is no label of the SELinux policy in force", label);

	return err_hint(e, "`semodule -l` lists the modules of the policy");
}

/* user:role:type, and a range behind it in a policy with MLS. */
static int check_selinux(const struct planner *p, const char *label, struct err *e)
{
	size_t colons = 0;

	for (const char *at = label; *at; at++)
		colons += *at == ':';
	if (check_text(label, SELINUX_PLACE, e) < 0)
		return -1;
	if (colons < 2)
		return err_cfg(e, SELINUX_PLACE, "\"%s\" is no SELinux label like user:role:type",
			       label);

	return plan_check_selinux(p, SELINUX_PLACE, label, e);
}

static int check_apparmor(const struct planner *p, const char *profile, struct err *e)
{
	if (check_text(profile, APPARMOR_PLACE, e) < 0)
		return -1;
	if (!p->facts->apparmor)
		return err_cfg(e, APPARMOR_PLACE,
			       "apparmor profile is specified in config, but apparmor is disabled "
			       "or not supported");

	return 0;
}

static void add_steps(struct planner *p, enum step_op op)
{
	const char *label = selinux_label(p), *profile = apparmor_profile(p);

	if (label)
		plan_add(p, op, SELINUX_PLACE)->label = (struct label_step) {
			.module = LABEL_SELINUX,
			.name = "SELinux",
			.file = "exec",
			.value = label,
		};
	if (profile)
		plan_add(p, op, APPARMOR_PLACE)->label = (struct label_step) {
			.module = LABEL_APPARMOR,
			.name = "AppArmor",
			.file = p->facts->apparmor_attributes ? "apparmor/exec" : "exec",
			.value = arena_printf(p->arena, "exec %s", profile),
		};
}

int plan_open_labels(struct planner *p, struct err *e)
{
	const char *label = selinux_label(p), *profile = apparmor_profile(p);

	if (label && check_selinux(p, label, e) < 0)
		return -1;
	if (profile && check_apparmor(p, profile, e) < 0)
		return -1;
	add_steps(p, OP_OPEN_LABEL);

	return 0;
}

int plan_set_labels(struct planner *p, struct err *e)
{
	(void) e;
	add_steps(p, OP_SET_LABEL);

	return 0;
}
