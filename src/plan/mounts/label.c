/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/label.c - linux.mountLabel: the SELinux context of new filesystems
 *
 * The label is a mount option, context= unless the annotation run.oci.mount_context_type names
 * another, of every filesystem that is mounted anew. File systems of the kernel (proc, sysfs,
 * cgroup) get no label: the policy labels each of their files. mqueue takes no such option; there
 * the label is an attribute of the root. A bind keeps the labels that its files have: engines
 * relabel.
 */
#include "base/table.h"
#include "base/words.h"
#include "plan/annotations/annotation.h"
#include "plan/mounts/mounts.h"

#include <string.h>

#define PLACE	   "/linux/mountLabel"
#define ANNOTATION "run.oci.mount_context_type"
#define LONGEST	   255 /* of a value of fsconfig(2) */

static const char *configured(const struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;

	return linux && linux->mount_label && linux->mount_label[0] ? linux->mount_label : NULL;
}

static const char *context_type(const struct planner *p)
{
	const char *type = plan_annotation_value(p, ANNOTATION);

	return type ? type : "context";
}

int plan_check_mount_label(const struct planner *p, struct err *e)
{
	static const char *const types[] = { "context", "fscontext", "defcontext", "rootcontext" };
	const char *label = configured(p);

	if (!label)
		return 0;
	if (strlen(label) > LONGEST || strpbrk(label, "\"\n"))
		return err_cfg(e, PLACE, "no SELinux label: it is too long, or has a quote in it");
	if (!is_one_of(context_type(p), types, ARRAY_SIZE(types)))
		return err_cfg(e, "/annotations/" ANNOTATION,
			       "unknown type \"%s\": it is context, fscontext, defcontext or "
			       "rootcontext",
			       context_type(p));

	return plan_check_selinux(p, PLACE, label, e);
}

static void add_parameter(struct planner *p, struct mount_step *m, const char *label)
{
	size_t count = m->parameter_count;
	struct mount_parameter *parameters = arena_array(p->arena, count + 1, sizeof(*parameters));

	if (count > 0)
		memcpy(parameters, m->parameters, count * sizeof(*parameters));
	parameters[count] = (struct mount_parameter) { context_type(p), label };
	m->parameters = parameters;
	m->parameter_count = count + 1;
	/* mount(2) splits its data at commas outside of quotes */
	m->data = arena_printf(p->arena, "%s%s%s=\"%s\"", m->data ? m->data : "",
			       m->data && *m->data ? "," : "", context_type(p), label);
}

/*
 * In a user namespace the kernel gives mqueue's root the context of the mounting process, and
 * refuses to change it.
 */
static void label_root(struct planner *p, const char *place, struct mount_step *m,
		       const char *label)
{
	if (mount_is_confined(p))
		plan_note(p, "%s: %s in a user namespace can't be labelled", place, m->type);
	else
		m->label = label;
}

/* The kernel's selinux_add_opt(): no option twice, and no context= beside defcontext=. */
static bool exclude(const char *one, const char *other)
{
	static const char *const wholes[] = { "context", "defcontext" };

	return strcmp(one, other) == 0 || (is_one_of(one, wholes, ARRAY_SIZE(wholes)) &&
					   is_one_of(other, wholes, ARRAY_SIZE(wholes)));
}

static bool is_labelled(const struct planner *p, const struct mount_step *m)
{
	static const char *const unlabelled[] = { "proc", "sysfs", "cgroup", "cgroup2" };

	return configured(p) && !m->bind && !m->remount && m->type &&
	       !is_one_of(m->type, unlabelled, ARRAY_SIZE(unlabelled));
}

int plan_check_own_label(struct planner *p, const char *place, const struct mount_step *m,
			 struct err *e)
{
	if (!is_labelled(p, m))
		return 0;

	const char *type = context_type(p);

	for (size_t i = 0; i < m->parameter_count; i++) {
		if (!exclude(m->parameters[i].key, type))
			continue;
		err_cfg(e, plan_place(p, "%s/options", place),
			"the mount has a label of its own, %s=, and linux.mountLabel gives it another, %s=",
			m->parameters[i].key, type);
		return err_hint(e, "the kernel takes one: leave out one of the two");
	}

	return 0;
}

void plan_mount_label(struct planner *p, const char *place, struct mount_step *m)
{
	if (!is_labelled(p, m))
		return;
	if (strcmp(m->type, "mqueue") == 0)
		label_root(p, place, m, configured(p));
	else
		add_parameter(p, m, configured(p));
}
